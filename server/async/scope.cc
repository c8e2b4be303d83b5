#include "server/async/scope.h"

#include <cstdlib>
#include <exception>
#include <utility>

#include "server/base/log.h"

namespace predictd {

// The frame around a spawned task: it destroys itself at its end, then tells the scope.
struct Scope::Runner {
  struct promise_type {
    Scope* scope;

    // Sees the arguments of Run.
    promise_type(Scope& owner, Task<void>&) : scope(&owner) {}

    Runner get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }

    auto final_suspend() noexcept {
      struct Ended {
        bool await_ready() const noexcept { return false; }
        // Destroys the frame first: the scope's waiter may destroy all that the task refers to.
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

Scope::Runner Scope::Run(Scope&, Task<void> task) { co_await std::move(task); }

void Scope::Spawn(Task<void> task) {
  ++running_;
  Run(*this, std::move(task));
}

void Scope::Leave() {
  if (--running_ == 0 && waiting_) std::exchange(waiting_, nullptr).resume();
}

Scope::~Scope() {
  // Tasks of a scope that goes first would resume into freed memory: better to end here, visibly.
  if (running_ == 0) return;
  Log(LogLevel::kError, "a scope ended before its tasks", {{"tasks", running_}});
  std::abort();
}

}  // namespace predictd
