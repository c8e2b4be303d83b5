// A coroutine that starts when it is awaited and resumes its awaiter when it returns.
#ifndef PREDICTD_SERVER_ASYNC_TASK_H_
#define PREDICTD_SERVER_ASYNC_TASK_H_

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace predictd {

template <typename T>
class Task;

namespace task_internal {

// Hands control straight to whoever awaits the finished task.
struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) noexcept {
    return finished.promise().awaiting;
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> awaiting = std::noop_coroutine();

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  // Exceptions stop at the file of the library that throws them; one that gets here is a defect.
  // The run-time library prints its type and what().
  void unhandled_exception() const noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> result;

  Task<T> get_return_object();
  template <typename Value>
  void return_value(Value&& value) {
    result.emplace(std::forward<Value>(value));
  }
  T TakeResult() { return *std::move(result); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void TakeResult() const noexcept {}
};

}  // namespace task_internal

// Owns the coroutine's frame. Awaited at most once, on one thread at a time; the awaiter is resumed
// on the thread on which the task finishes. Arguments that the coroutine takes by reference outlive
// it.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle frame) : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    frame_.promise().awaiting = awaiting;
    return frame_;
  }
  T await_resume() { return frame_.promise().TakeResult(); }

 private:
  Handle frame_;
};

namespace task_internal {

template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace task_internal
}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_TASK_H_
