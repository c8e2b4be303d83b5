#include "server/rpc/adaptive_spin.h"

namespace predictd::rpc {

absl::Duration AdaptiveSpin::Found() {
  if (idle_since_ == absl::InfiniteFuture()) return absl::ZeroDuration();
  const absl::Duration pause = (slept_ ? clock_.Now() : looked_at_) - idle_since_;
  if (pause >= kShortestPause) last_was_short_ = pause < kLongestPause;
  idle_since_ = absl::InfiniteFuture();
  return pause;
}

bool AdaptiveSpin::LookAgain(bool answers_outstanding) {
  looked_at_ = clock_.Now();
  if (idle_since_ == absl::InfiniteFuture()) {
    idle_since_ = looked_at_;
    looks_ = 0;
  }
  ++looks_;
  const bool spins = !stopped_ && last_was_short_ && looked_at_ - idle_since_ < kLongestPause;
  slept_ = !spins && (!answers_outstanding || looks_ > kLooksForAnswers);
  return !slept_;
}

}  // namespace predictd::rpc
