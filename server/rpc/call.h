// What every kind of call shares: its context, its end, its cancellation.
#ifndef PREDICTD_SERVER_RPC_CALL_H_
#define PREDICTD_SERVER_RPC_CALL_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "server/predict/request.h"
#include "server/rpc/event.h"
#include "server/rpc/event_loop.h"

namespace predictd::rpc {

// Lives in the call's coroutine frame, for one call. Asks gRPC for the "done" event of the call,
// which comes once for each call that was accepted; the frame must wait for it (await ended())
// before it goes.
class Call {
 public:
  explicit Call(EventLoop& loop) : loop_(loop) { context_.AsyncNotifyWhenDone(done_.tag()); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  EventLoop& loop() { return loop_; }
  grpc::ServerContext& context() { return context_; }

  // After the call was accepted: its deadline on the loop's clock.
  void Accepted() {
    const auto deadline = context_.deadline();
    if (deadline == std::chrono::system_clock::time_point::max()) return;
    caller_.deadline = loop_.Now() + absl::FromChrono(deadline - std::chrono::system_clock::now());
  }

  const predict::CallContext& caller() const { return caller_; }
  bool cancelled() const { return caller_.cancelled.load(std::memory_order_relaxed); }
  // Runs when the caller goes away before the call's end.
  void OnCancel(std::function<void()> function) { on_cancel_ = std::move(function); }

  // Awaitable: resumes once gRPC is done with the call.
  Completion& ended() { return done_; }

 private:
  // The done event, which tells whether the caller went away.
  class DoneEvent : public Completion {
   public:
    explicit DoneEvent(Call& call) : call_(call) {}
    void Done(bool ok) override {
      call_.NoteEnd();
      Completion::Done(ok);
    }

   private:
    Call& call_;
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
  DoneEvent done_{*this};
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_CALL_H_
