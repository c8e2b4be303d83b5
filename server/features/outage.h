// Since when a store has not answered.
#ifndef PREDICTD_SERVER_FEATURES_OUTAGE_H_
#define PREDICTD_SERVER_FEATURES_OUTAGE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd::features {

// One thread.
class Outage {
 public:
  explicit Outage(absl::string_view store) : store_(store) {}

  void Answered() { since_.reset(); }

  // The store failed at `now` (wall clock), perhaps not for the first time. Says it for a caller:
  // "redis has not answered since 2026-03-01T12:00:00Z: no route to host".
  std::string Failed(const absl::Status& error, absl::Time now);

 private:
  const absl::string_view store_;
  std::optional<absl::Time> since_;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_OUTAGE_H_
