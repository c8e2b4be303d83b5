#include "client/batch_calls.h"

#include <utility>

namespace predictd::client {

BatchCalls::BatchCalls(const Connection& connection)
    : timeout_(connection.timeout), stub_(v1::Predictor::NewStub(connection.channel)) {}

BatchCalls::~BatchCalls() {
  for (const auto& call : calls_) call->context.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void BatchCalls::Send(v1::PredictBatchRequest request) {
  auto call = std::make_unique<Call>();
  call->call->request = std::move(request);
  SetTimeout(call->context, timeout_);
  call->reader = stub_->AsyncPredictBatch(&call->context, call->call->request, &queue_);
  call->reader->Finish(&call->call->reply, &call->call->status, call.get());
  calls_.push_back(std::move(call));
}

std::unique_ptr<BatchCall> BatchCalls::TakeOldest() {
  void* tag = nullptr;
  bool ok = false;
  while (!calls_.front()->done && queue_.Next(&tag, &ok)) static_cast<Call*>(tag)->done = true;
  std::unique_ptr<BatchCall> oldest = std::move(calls_.front()->call);
  calls_.pop_front();
  return oldest;
}

}  // namespace predictd::client
