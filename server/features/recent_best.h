// How long reads take at the very least, lately.
#ifndef PREDICTD_SERVER_FEATURES_RECENT_BEST_H_
#define PREDICTD_SERVER_FEATURES_RECENT_BEST_H_

#include <algorithm>

#include "absl/time/time.h"

namespace predictd::features {

// One thread. The shortest of the durations noted in this window of a second and the one before:
// whoever has less time left than that cannot expect an answer. Forgets, so that a store that was
// slow is asked again.
class RecentBest {
 public:
  void Note(absl::Duration took, absl::Time now) {
    Turn(now);
    present_ = std::min(present_, took);
  }

  // Zero where nothing was noted lately.
  absl::Duration Get(absl::Time now) {
    Turn(now);
    const absl::Duration best = std::min(present_, before_);
    return best == absl::InfiniteDuration() ? absl::ZeroDuration() : best;
  }

 private:
  static constexpr absl::Duration kWindow = absl::Seconds(1);

  void Turn(absl::Time now) {
    if (now < began_ + kWindow) return;
    before_ = now < began_ + 2 * kWindow ? present_ : absl::InfiniteDuration();
    present_ = absl::InfiniteDuration();
    began_ = now;
  }

  absl::Time began_ = absl::InfinitePast();
  absl::Duration present_ = absl::InfiniteDuration();
  absl::Duration before_ = absl::InfiniteDuration();
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_RECENT_BEST_H_
