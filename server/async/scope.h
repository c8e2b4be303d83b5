// Owner of tasks that nobody awaits one by one: no coroutine runs without somebody who waits for
// it.
#ifndef PREDICTD_SERVER_ASYNC_SCOPE_H_
#define PREDICTD_SERVER_ASYNC_SCOPE_H_

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

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

  // What a coroutine returns that is spawned by its call: its first argument is the scope.
  struct Runner;

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
  static Runner Run(Scope& scope, Task<void> task);

  size_t running_ = 0;
  std::coroutine_handle<> waiting_;
};

// The frame destroys itself at its end, then tells the scope.
struct Scope::Runner {
  struct promise_type {
    Scope* scope;

    // Sees the coroutine's arguments.
    template <typename... Arguments>
    explicit promise_type(Scope& owner, Arguments&...) : scope(&owner) {
      ++owner.running_;
    }

    Runner get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }

    auto final_suspend() noexcept {
      struct Ended {
        bool await_ready() const noexcept { return false; }
        // Destroys the frame first: the scope's waiter may destroy all that it refers to.
        std::coroutine_handle<> await_suspend(
            std::coroutine_handle<promise_type> finished) noexcept {
          Scope* const owner = finished.promise().scope;
          finished.destroy();
          if (--owner->running_ > 0 || !owner->waiting_) return std::noop_coroutine();
          return std::exchange(owner->waiting_, nullptr);
        }
        void await_resume() const noexcept {}
      };
      return Ended{};
    }
  };
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_SCOPE_H_
