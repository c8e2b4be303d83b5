// Something that happens, and a coroutine that waits for it.
#ifndef PREDICTD_SERVER_ASYNC_SIGNAL_H_
#define PREDICTD_SERVER_ASYNC_SIGNAL_H_

#include <coroutine>

#include "server/async/loop.h"
#include "server/async/work.h"

namespace predictd {

// Loop's thread only. One waiter at a time, resumed by the loop after Set, never within it. Stays
// set until Reset.
class Signal : private Resumption {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}

  void Set() {
    set_ = true;
    if (!waiting_) return;
    waiting_ = false;
    loop_.Ready(*this);
  }
  void Reset() { set_ = false; }
  bool is_set() const { return set_; }

  auto operator co_await() {
    struct Awaiter {
      Signal& signal;
      bool await_ready() const { return signal.set_; }
      void await_suspend(std::coroutine_handle<> waiting) {
        signal.WaitAs(waiting);
        signal.waiting_ = true;
      }
      void await_resume() const {}
    };
    return Awaiter{*this};
  }

 private:
  Loop& loop_;
  bool set_ = false;
  bool waiting_ = false;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_SIGNAL_H_
