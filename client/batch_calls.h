// PredictBatch calls in flight, answered in the order in which they were sent.
#ifndef PREDICTD_CLIENT_BATCH_CALLS_H_
#define PREDICTD_CLIENT_BATCH_CALLS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/status.h>

#include <deque>
#include <memory>

#include "client/connection.h"
#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::client {

struct BatchCall {
  v1::PredictBatchRequest request;
  v1::PredictBatchResponse reply;
  grpc::Status status;
};

// One thread. Destruction cancels what is in flight and waits for it.
class BatchCalls {
 public:
  explicit BatchCalls(const Connection& connection);
  ~BatchCalls();
  BatchCalls(const BatchCalls&) = delete;
  BatchCalls& operator=(const BatchCalls&) = delete;

  size_t in_flight() const { return calls_.size(); }

  void Send(v1::PredictBatchRequest request);

  // Waits for the answer to the oldest call. At least one is in flight.
  std::unique_ptr<BatchCall> TakeOldest();

 private:
  struct Call {
    std::unique_ptr<BatchCall> call = std::make_unique<BatchCall>();
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PredictBatchResponse>> reader;
    bool done = false;
  };

  const absl::Duration timeout_;
  const std::unique_ptr<v1::Predictor::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::deque<std::unique_ptr<Call>> calls_;  // oldest first; a call is its own tag
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_BATCH_CALLS_H_
