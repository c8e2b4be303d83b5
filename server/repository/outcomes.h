// What became of the rows a version was run on, and whether too many of the recent ones failed.
#ifndef PREDICTD_SERVER_REPOSITORY_OUTCOMES_H_
#define PREDICTD_SERVER_REPOSITORY_OUTCOMES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"

namespace predictd::repository {

// Rows that count as recent: at so many, both counts are halved, so that older ones weigh less and
// less. Fewer than kFewestRows decide nothing.
inline constexpr uint32_t kRecentRows = 1000;
inline constexpr uint32_t kFewestRows = 50;

// Any thread, without locks, but for what is said below.
class Outcomes {
 public:
  struct Recent {
    uint32_t rows = 0;
    uint32_t failed = 0;
  };

  // A row's status as it came from the model; what did not reach the model does not count.
  void Count(const absl::Status& status);
  // The same of many rows: how many were answered, and how many failed INTERNAL.
  void CountMany(int answered, int failed);
  // Rows counted since the version was loaded.
  uint64_t rows() const { return rows_.load(std::memory_order_relaxed); }

  // Counts recent rows anew, and from now on asks whether more than `max_error_percent` of them
  // failed INTERNAL; 100 = never.
  void Watch(double max_error_percent);
  // Too many failed since Watch: stays so until the next Watch.
  bool failing() const { return failing_.load(std::memory_order_acquire); }
  // Those that decided it.
  Recent decisive() const { return Unpack(decisive_.load(std::memory_order_acquire)); }

  // Called once, on the thread that counts, when failing() becomes true. Set before rows are
  // counted; outlives them.
  void OnFailing(std::function<void()> listener) { on_failing_ = std::move(listener); }

 private:
  static constexpr double kNever = 100;

  static uint64_t Pack(Recent recent) { return uint64_t{recent.rows} << 32 | recent.failed; }
  static Recent Unpack(uint64_t packed) {
    return {static_cast<uint32_t>(packed >> 32), static_cast<uint32_t>(packed)};
  }
  void CountRecent(bool failed, double max_error_percent);

  std::function<void()> on_failing_ = [] {};
  std::atomic<uint64_t> rows_{0};
  std::atomic<double> max_error_percent_{kNever};
  std::atomic<uint64_t> recent_{0};  // Pack
  std::atomic<uint64_t> decisive_{0};
  std::atomic<bool> failing_{false};
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_OUTCOMES_H_
