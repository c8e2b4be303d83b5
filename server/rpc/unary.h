// How unary calls of one method are taken and answered on one loop.
#ifndef PREDICTD_SERVER_RPC_UNARY_H_
#define PREDICTD_SERVER_RPC_UNARY_H_

#include <grpcpp/support/async_unary_call.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/rpc/call.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/status_mapping.h"

namespace predictd::rpc {

// Keeps coroutines waiting for the next call of a method; each serves one call after another, so
// that frames and messages are used again. At first `spare` of them, and where that is allowed as
// many as calls come at once: where too few wait, gRPC queues calls and coroutines come and go
// (with 256 calls in flight 64 cost 1.1 of what 256 do); where too many do, they take turns, and
// are out of the processor's caches when theirs comes (64 calls in flight: 256 cost 1.05 of what 64
// do). Loop's thread only; outlives its scope's tasks.
template <typename Service, typename RequestMessage, typename ResponseMessage>
class UnaryMethod {
 public:
  using Responder = grpc::ServerAsyncResponseWriter<ResponseMessage>;
  // The generated Service::RequestX.
  using Accept = void (Service::*)(grpc::ServerContext*, RequestMessage*, Responder*,
                                   grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);
  using Handler = std::function<Task<absl::Status>(Call&, const RequestMessage&, ResponseMessage&)>;

  // `most_spare`, where it is more than `spare`: how many may wait in the end. Each of them keeps
  // the memory of its messages, as far as they are small.
  UnaryMethod(EventLoop& loop, Scope& scope, Service& service, Accept accept, int spare,
              Handler handler, int most_spare = 0)
      : loop_(loop),
        scope_(scope),
        service_(service),
        accept_(accept),
        fewest_spare_(spare),
        most_spare_(std::max(spare, most_spare)),
        spare_(spare),
        least_waiting_(spare),
        handler_(std::move(handler)) {}

  // Once, on the loop.
  void Start() {
    for (int i = 0; i < spare_; ++i) scope_.Spawn(Serve());
  }

 private:
  // How often it looks at what was needed.
  static constexpr unsigned kCallsPerLook = 1024;
  static constexpr size_t kMostKept = 16384;  // bytes of a message

  // The one answer of a call: its handler's, or that of a drain which waits no longer.
  class Answer final : public OpenCalls::Entry {
   public:
    Answer(OpenCalls& calls, Responder& responder, Completion& written)
        : Entry(calls), responder_(responder), written_(written) {}

    void Give(const absl::Status& status, const ResponseMessage& response) {
      if (!status.ok()) return CutOff(status);
      if (std::exchange(given_, true)) return;
      responder_.Finish(response, grpc::Status::OK, written_.tag());
    }

    void CutOff(const absl::Status& status) override {
      if (std::exchange(given_, true)) return;
      responder_.FinishWithError(ToGrpc(status), written_.tag());
    }

   private:
    Responder& responder_;
    Completion& written_;
    bool given_ = false;
  };

  Task<void> Serve() {
    RequestMessage request;
    ResponseMessage response;
    do {
      Call call(loop_);
      Responder responder(&call.context());
      Completion step;
      ++waiting_;
      (service_.*accept_)(&call.context(), &request, &responder, &loop_.queue(), &loop_.queue(),
                          step.tag());
      const bool accepted = co_await step;
      --waiting_;
      if (!accepted) co_return;  // the server is shutting down
      Taken();
      call.Accepted();

      Answer answer(loop_.open_calls(), responder, step);
      answer.Give(co_await handler_(call, request, response), response);
      co_await step;
      Empty(request);
      Empty(response);
    } while (waiting_ < spare_);
  }

  template <typename Message>
  static void Empty(Message& message) {
    // Clear() keeps the memory: hundreds of coroutines would keep the largest message each had.
    if (message.ByteSizeLong() > kMostKept) {
      Message().Swap(&message);
    } else {
      message.Clear();
    }
  }

  // A call was taken by one of those that waited.
  void Taken() {
    least_waiting_ = std::min(least_waiting_, waiting_);
    if (waiting_ == 0) scope_.Spawn(Serve());
    if (++taken_ % kCallsPerLook != 0) return;
    if (least_waiting_ == 0) {
      spare_ = std::min(2 * spare_, most_spare_);
    } else if (least_waiting_ > spare_ / 2) {
      spare_ = std::max(spare_ / 2, fewest_spare_);
    }
    least_waiting_ = spare_;
  }

  EventLoop& loop_;
  Scope& scope_;
  Service& service_;
  const Accept accept_;
  const int fewest_spare_;
  const int most_spare_;
  int spare_;
  int waiting_ = 0;
  int least_waiting_;  // since the last look
  unsigned taken_ = 0;
  const Handler handler_;
};

// A member function of the service as a method's handler.
template <typename Service, typename RequestMessage, typename ResponseMessage>
auto Handler(Service* service, Task<absl::Status> (Service::*method)(Call&, const RequestMessage&,
                                                                     ResponseMessage&)) {
  return [service, method](Call& call, const RequestMessage& request, ResponseMessage& response) {
    return (service->*method)(call, request, response);
  };
}

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_UNARY_H_
