// A line on a terminal that says how far a batch has come.
#ifndef PREDICTD_CLIENT_PROGRESS_BAR_H_
#define PREDICTD_CLIENT_PROGRESS_BAR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace predictd::client {

struct Progress {
  int64_t done = 0;
  std::optional<int64_t> total;  // nothing where the input is a pipe
  absl::Duration elapsed;
};

// At most `columns` wide:
//   " 52%  [=========>         ]  520,000 of 1,000,000 users  98,765/s  4.9s left"
// and without a total "520,000 users  98,765/s  5.3s". The bar gives way first where columns are
// few.
std::string ProgressText(const Progress& progress, int columns);

// Draws on stderr, at most ten times a second, and only where stderr is a terminal. One thread.
class ProgressBar {
 public:
  explicit ProgressBar(std::optional<int64_t> total);

  static bool OnTerminal();

  void Update(int64_t done);

  // Removes the line, so that what is printed next starts on a clean one.
  void Clear();

  absl::Duration elapsed() const { return absl::Now() - start_; }

 private:
  const std::optional<int64_t> total_;
  const bool visible_;
  const absl::Time start_;
  absl::Time next_draw_;
  bool drawn_ = false;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_PROGRESS_BAR_H_
