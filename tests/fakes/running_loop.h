// A loop on a thread of its own that takes turns until it is destroyed: for what other threads
// post.
#ifndef PREDICTD_TESTS_FAKES_RUNNING_LOOP_H_
#define PREDICTD_TESTS_FAKES_RUNNING_LOOP_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "server/async/loop.h"
#include "server/base/clock.h"

namespace predictd {

class RunningLoop : public Loop {
 public:
  explicit RunningLoop(const Clock& clock) : Loop(clock) {
    thread_ = std::thread([this] { Run(); });
  }
  ~RunningLoop() override {
    stop_ = true;
    Nudge();
    thread_.join();
  }

  // Runs `function` on the loop and waits for it.
  void Do(const std::function<void()>& function) {
    std::atomic<bool> done{false};
    PostFunction([&] {
      function();
      done = true;
      done.notify_all();
    });
    done.wait(false);
  }

 private:
  void Run() {
    while (!stop_) {
      if (RunTurn() || !PrepareSleep()) continue;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        // Timers of tests are short: looking now and then is enough.
        condition_.wait_for(lock, std::chrono::milliseconds(5), [this] { return awake_; });
        awake_ = false;
      }
      AfterSleep();
    }
  }

  void Wake() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      awake_ = true;
    }
    condition_.notify_one();
  }

  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable condition_;
  bool awake_ = false;
  std::thread thread_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_RUNNING_LOOP_H_
