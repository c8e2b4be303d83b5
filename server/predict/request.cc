#include "server/predict/request.h"

#include "absl/strings/str_cat.h"

namespace predictd::predict {

absl::Status CallContext::Check(absl::Time now, absl::string_view stage) const {
  // First the deadline: gRPC cancels what has expired.
  if (now >= deadline) {
    return absl::DeadlineExceededError(absl::StrCat("the deadline passed before ", stage));
  }
  if (cancelled.load(std::memory_order_relaxed)) {
    return absl::CancelledError(absl::StrCat("the caller cancelled before ", stage));
  }
  return absl::OkStatus();
}

}  // namespace predictd::predict
