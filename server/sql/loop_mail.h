// Functions that a thread sends to a loop, and that go with the sender: Loop::PostFunction leaves
// behind what the loop does not run any more.
#ifndef PREDICTD_SERVER_SQL_LOOP_MAIL_H_
#define PREDICTD_SERVER_SQL_LOOP_MAIL_H_

#include <functional>
#include <utility>
#include <vector>

#include "server/async/loop.h"
#include "server/async/work.h"
#include "server/base/mutex.h"

namespace predictd {

// Any thread sends. Destroyed when the loop takes no more turns, before the loop.
class LoopMail final : public Work {
 public:
  explicit LoopMail(Loop& loop) : loop_(loop) {}

  // Runs `function` on the loop, in the order in which they were sent.
  void Send(std::function<void()> function) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      MutexLock lock(mutex_);
      functions_.push_back(std::move(function));
      if (std::exchange(posted_, true)) return;
    }
    loop_.Post(*this);
  }

 private:
  void Run() override ABSL_LOCKS_EXCLUDED(mutex_) {
    std::vector<std::function<void()>> functions;
    {
      MutexLock lock(mutex_);
      functions.swap(functions_);
      posted_ = false;
    }
    for (const std::function<void()>& function : functions) function();
  }

  Loop& loop_;
  Mutex mutex_;
  std::vector<std::function<void()>> functions_ ABSL_GUARDED_BY(mutex_);
  bool posted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_LOOP_MAIL_H_
