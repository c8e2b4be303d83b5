#include "server/rpc/loop_load.h"

namespace predictd::rpc {

bool LoopLoad::Full() {
  const absl::Time now = clock_.Now();
  const absl::Duration time = now - since_;
  if (time < kWhile) return false;
  const absl::Duration work = time - idle_;
  const bool heavy = sent_ > 1 && work >= sent_ * kHeavyAnswer;
  // A lead of three quarters is seven answers of eight: the rest is a check of health now and then.
  const bool several = sent_ >= kFewAnswers && 4 * lead_ <= 3 * sent_;
  const bool full = 10 * idle_ < time && (heavy || (several && work >= pieces_ * kLongPiece));
  since_ = now;
  idle_ = absl::ZeroDuration();
  pieces_ = 0;
  sent_ = lead_ = 0;
  return full;
}

}  // namespace predictd::rpc
