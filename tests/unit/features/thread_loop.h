// A loop on a thread of its own, as in the server but without sockets.
#ifndef PREDICTD_TESTS_UNIT_FEATURES_THREAD_LOOP_H_
#define PREDICTD_TESTS_UNIT_FEATURES_THREAD_LOOP_H_

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace predictd {

class ThreadLoop : public Loop {
 public:
  explicit ThreadLoop(const Clock& clock) : Loop(clock), thread_([this] { RunUntilStopped(); }) {}
  ~ThreadLoop() override { StopAndJoin(); }

  // After the last coroutine has ended.
  void StopAndJoin() {
    stopped_ = true;
    Nudge();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void RunUntilStopped() {
    while (!stopped_) {
      if (RunTurn() || !PrepareSleep()) continue;
      {
        MutexLock lock(mutex_);
        const absl::Duration longest = NextTimer() - Now();
        // Bounded, so that a stop that comes while the loop falls asleep is seen.
        if (!woken_) condition_.WaitFor(mutex_, std::min(longest, absl::Milliseconds(10)));
        woken_ = false;
      }
      AfterSleep();
    }
  }
  void Wake() override {
    MutexLock lock(mutex_);
    woken_ = true;
    condition_.NotifyOne();
  }

  std::atomic<bool> stopped_{false};
  Mutex mutex_;
  CondVar condition_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  // Last member: it uses the others.
  std::thread thread_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_FEATURES_THREAD_LOOP_H_
