// A loop that takes turns and sleeps between them as the server's do, until a condition holds: for
// tests with real sockets.
#ifndef PREDICTD_TESTS_FAKES_SLEEPING_LOOP_H_
#define PREDICTD_TESTS_FAKES_SLEEPING_LOOP_H_

#include <algorithm>
#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/mutex.h"

namespace predictd {

class SleepingLoop : public Loop {
 public:
  using Loop::Loop;
  using Loop::RunTurn;

  // Longest sleep in real time: a condition may change without waking the loop, and a FakeClock's
  // timers do not.
  void set_longest_sleep(absl::Duration longest) { longest_sleep_ = longest; }

  // False if `done` is not true within `limit` of real time. `done` is asked before each turn.
  bool RunUntil(const std::function<bool()>& done, absl::Duration limit = absl::Seconds(20)) {
    const absl::Time latest = absl::Now() + limit;
    while (!done()) {
      if (absl::Now() > latest) return false;
      if (!RunTurn()) SleepOnce();
    }
    return true;
  }
  void RunFor(absl::Duration duration) {
    const absl::Time end = absl::Now() + duration;
    RunUntil([end] { return absl::Now() >= end; });
  }

  // Sleeps until woken. Returns false if nobody woke it.
  bool SleepOnce() {
    bool woken = true;
    if (PrepareSleep()) {
      const absl::Time latest =
          absl::Now() +
          std::min(longest_sleep_, std::max(absl::ZeroDuration(), NextTimer() - Now()));
      MutexLock lock(mutex_);
      while (!woken_ && absl::Now() < latest) awake_.WaitFor(mutex_, latest - absl::Now());
      woken = woken_;
      woken_ = false;
    }
    AfterSleep();
    return woken;
  }

 private:
  void Wake() override {
    MutexLock lock(mutex_);
    woken_ = true;
    awake_.NotifyAll();
  }

  absl::Duration longest_sleep_ = absl::Milliseconds(2);
  Mutex mutex_;
  CondVar awake_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_SLEEPING_LOOP_H_
