// What every kind of call shares: its context, its end, its cancellation.
#ifndef PREDICTD_SERVER_RPC_CALL_H_
#define PREDICTD_SERVER_RPC_CALL_H_

#include <grpc/support/time.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "server/predict/request.h"
#include "server/rpc/event.h"
#include "server/rpc/event_loop.h"

namespace predictd::rpc {

// gRPC's deadline, which its own nanoseconds cannot hold where it is centuries away.
inline absl::Duration TimeUntil(const gpr_timespec& deadline) {
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
    return absl::InfiniteDuration();
  }
  const gpr_timespec now = gpr_now(deadline.clock_type);
  return absl::Seconds(deadline.tv_sec - now.tv_sec) +
         absl::Nanoseconds(deadline.tv_nsec - now.tv_nsec);
}

// Lives in the call's coroutine frame, for one call; no operation of the call is outstanding when
// it goes.
class Call {
 public:
  // Asks gRPC for the "done" event of the call.
  explicit Call(EventLoop& loop) : loop_(loop), done_(new DoneEvent(*this)) {
    context_.AsyncNotifyWhenDone(done_->tag());
  }
  ~Call() {
    if (accepted_) {
      done_->LetGo();
    } else {
      delete done_;  // gRPC knows no call that could end
    }
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  EventLoop& loop() { return loop_; }
  grpc::ServerContext& context() { return context_; }

  // Once, after the call was accepted: takes its deadline, on the loop's clock.
  void Accepted() {
    accepted_ = true;
    caller_.deadline = loop_.Now() + TimeUntil(context_.raw_deadline());
  }

  const predict::CallContext& caller() const { return caller_; }
  bool cancelled() const { return caller_.cancelled.load(std::memory_order_relaxed); }
  // Runs when the caller goes away before the call's end.
  void OnCancel(std::function<void()> function) { on_cancel_ = std::move(function); }

 private:
  // gRPC's event that tells whether the caller went away. It comes once for each accepted call,
  // before or after the call's coroutine is done with it, so it owns itself. Nothing waits for it:
  // gRPC 1.51 under load keeps it back for one in thousands of calls whose deadline passes as they
  // are accepted.
  class DoneEvent final : public Event {
   public:
    explicit DoneEvent(Call& call) : call_(&call) {}
    void LetGo() {
      if (done_) {
        delete this;
      } else {
        call_ = nullptr;
      }
    }

    void Done(bool) override {
      if (call_ == nullptr) {
        delete this;
        return;
      }
      done_ = true;
      call_->NoteEnd();
    }

   private:
    Call* call_;  // null once the call's coroutine is done with it
    bool done_ = false;
  };

  void NoteEnd() {
    if (!context_.IsCancelled()) return;
    caller_.cancelled.store(true, std::memory_order_relaxed);
    if (on_cancel_) on_cancel_();
  }

  EventLoop& loop_;
  grpc::ServerContext context_;
  predict::CallContext caller_;
  std::function<void()> on_cancel_;
  bool accepted_ = false;
  DoneEvent* const done_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_CALL_H_
