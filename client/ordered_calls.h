// Unary calls in flight, answered in the order in which they were sent.
#ifndef PREDICTD_CLIENT_ORDERED_CALLS_H_
#define PREDICTD_CLIENT_ORDERED_CALLS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/status.h>

#include <deque>
#include <memory>
#include <utility>

#include "client/connection.h"
#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::client {

template <typename Request, typename Reply>
struct OrderedCall {
  Request request;
  Reply reply;
  grpc::Status status;
};

// One thread. Destruction cancels what is in flight and waits for it.
template <typename Request, typename Reply>
class OrderedCalls {
 public:
  using Call = OrderedCall<Request, Reply>;
  using Reader = std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>>;
  // The generated Stub::AsyncX.
  using Method = Reader (v1::Predictor::Stub::*)(grpc::ClientContext*, const Request&,
                                                 grpc::CompletionQueue*);

  OrderedCalls(const Connection& connection, Method method)
      : timeout_(connection.timeout),
        method_(method),
        stub_(v1::Predictor::NewStub(connection.channel)) {}
  ~OrderedCalls() {
    for (const auto& pending : pending_) pending->context.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  OrderedCalls(const OrderedCalls&) = delete;
  OrderedCalls& operator=(const OrderedCalls&) = delete;

  size_t in_flight() const { return pending_.size(); }

  void Send(Request request) {
    auto pending = std::make_unique<Pending>();
    Call& call = *pending->call;
    call.request = std::move(request);
    SetTimeout(pending->context, timeout_);
    pending->reader = ((*stub_).*method_)(&pending->context, call.request, &queue_);
    pending->reader->Finish(&call.reply, &call.status, pending.get());
    pending_.push_back(std::move(pending));
  }

  // Waits for the answer to the oldest call. At least one is in flight.
  std::unique_ptr<Call> TakeOldest() {
    void* tag = nullptr;
    bool ok = false;
    while (!pending_.front()->done && queue_.Next(&tag, &ok)) {
      static_cast<Pending*>(tag)->done = true;
    }
    std::unique_ptr<Call> oldest = std::move(pending_.front()->call);
    pending_.pop_front();
    return oldest;
  }

 private:
  struct Pending {
    std::unique_ptr<Call> call = std::make_unique<Call>();
    grpc::ClientContext context;
    Reader reader;
    bool done = false;
  };

  const absl::Duration timeout_;
  const Method method_;
  const std::unique_ptr<v1::Predictor::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::deque<std::unique_ptr<Pending>> pending_;  // oldest first; one is its own tag
};

using BatchCall = OrderedCall<v1::PredictBatchRequest, v1::PredictBatchResponse>;
using PutCall = OrderedCall<v1::PutFeaturesRequest, v1::PutFeaturesResponse>;

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_ORDERED_CALLS_H_
