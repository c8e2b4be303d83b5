#include "server/rpc/adaptive_spin.h"

namespace predictd::rpc {

absl::Duration AdaptiveSpin::Found() {
  if (idle_since_ == absl::InfiniteFuture()) return absl::ZeroDuration();
  const absl::Duration pause = clock_.Now() - idle_since_;
  if (pause >= kShortestPause) last_was_short_ = pause < kLongestPause;
  idle_since_ = absl::InfiniteFuture();
  return pause;
}

bool AdaptiveSpin::LookAgain(bool answers_outstanding) {
  const absl::Time now = clock_.Now();
  if (idle_since_ == absl::InfiniteFuture()) {
    idle_since_ = now;
    looks_ = 0;
  }
  ++looks_;
  if (answers_outstanding && looks_ <= kLooksForAnswers) return true;
  return alone_ && last_was_short_ && now - idle_since_ < kLongestPause;
}

}  // namespace predictd::rpc
