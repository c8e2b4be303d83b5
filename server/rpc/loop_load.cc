#include "server/rpc/loop_load.h"

namespace predictd::rpc {

bool LoopLoad::Full() {
  const absl::Time now = clock_.Now();
  const absl::Duration time = now - since_;
  if (time < kWhile) return false;
  const bool full = 2 * idle_ < time && changes_ * kSentPerChange >= sent_ && changes_ > 1;
  since_ = now;
  idle_ = absl::ZeroDuration();
  sent_ = changes_ = 0;
  return full;
}

}  // namespace predictd::rpc
