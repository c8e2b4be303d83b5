#include "server/async/pulse.h"

#include "absl/strings/str_cat.h"

namespace predictd {

Pulse::Pulse(std::vector<Loop*> loops, const Clock& clock) : clock_(clock) {
  for (Loop* loop : loops) {
    beats_.push_back({loop, absl::InfinitePast(), std::make_shared<std::atomic<bool>>(true)});
  }
}

std::string Pulse::Check() {
  const absl::Time now = clock_.Now();
  std::string stuck;
  MutexLock lock(mutex_);
  for (size_t i = 0; i < beats_.size(); ++i) {
    Beat& beat = beats_[i];
    if (*beat.answered) {
      *beat.answered = false;
      beat.asked = now;
      beat.loop->PostFunction([answered = beat.answered] { *answered = true; });
    } else if (now - beat.asked >= kLongest && stuck.empty()) {
      stuck = absl::StrCat("event loop ", i, " has not answered for ",
                           absl::FormatDuration(absl::Floor(now - beat.asked, absl::Seconds(1))));
    }
  }
  return stuck;
}

}  // namespace predictd
