// Owner of tasks that nobody awaits one by one: no coroutine runs without somebody who waits for
// it.
#ifndef PREDICTD_SERVER_ASYNC_SCOPE_H_
#define PREDICTD_SERVER_ASYNC_SCOPE_H_

#include <coroutine>
#include <cstddef>

#include "server/async/task.h"

namespace predictd {

// One thread. Everything spawned or entered has finished before the scope is destroyed; await
// Done() to see to it.
class Scope {
 public:
  Scope() = default;
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Starts the task at once, up to its first wait.
  void Spawn(Task<void> task);

  // For what is no task and is to be waited for like one: Leave at its end, and touch nothing after
  // that, as who waited may have destroyed it.
  void Enter() { ++running_; }
  void Leave();

  size_t running() const { return running_; }

  // Awaitable, by one at a time: resumes within the end of the last one, or at once when none runs.
  auto Done() {
    struct Awaiter {
      Scope& scope;
      bool await_ready() const { return scope.running_ == 0; }
      void await_suspend(std::coroutine_handle<> waiting) { scope.waiting_ = waiting; }
      void await_resume() const {}
    };
    return Awaiter{*this};
  }

 private:
  struct Runner;
  static Runner Run(Scope& scope, Task<void> task);

  size_t running_ = 0;
  std::coroutine_handle<> waiting_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_SCOPE_H_
