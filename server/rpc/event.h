// Tags of a completion queue: what gRPC hands back when something has happened.
#ifndef PREDICTD_SERVER_RPC_EVENT_H_
#define PREDICTD_SERVER_RPC_EVENT_H_

#include <coroutine>
#include <utility>

namespace predictd::rpc {

// Given to gRPC as a tag; stays in place until Done is called, on the thread of the queue's loop.
class Event {
 public:
  virtual void Done(bool ok) = 0;
  // What gRPC takes and gives back.
  void* tag() { return this; }

 protected:
  ~Event() = default;
};

// Awaitable: one operation of gRPC. Start the operation with tag() and then await; the result is
// gRPC's `ok`. Again and again, one at a time.
class Completion : public Event {
 public:
  void Done(bool ok) override {
    ok_ = ok;
    if (waiting_) {
      std::exchange(waiting_, nullptr).resume();
    } else {
      early_ = true;
    }
  }

  bool await_ready() const { return early_; }
  void await_suspend(std::coroutine_handle<> waiting) { waiting_ = waiting; }
  bool await_resume() {
    early_ = false;
    return ok_;
  }

 private:
  std::coroutine_handle<> waiting_;
  bool early_ = false;  // done before it was awaited
  bool ok_ = false;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_EVENT_H_
