#include "client/load/unary_rpc.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include "predictd/v1/predictor.pb.h"

namespace predictd::client {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

gpr_timespec MonotonicTime(int64_t nanos) {
  return {nanos / kNanosPerSecond, static_cast<int32_t>(nanos % kNanosPerSecond),
          GPR_CLOCK_MONOTONIC};
}

const char* MethodOf(RpcKind kind) {
  switch (kind) {
    case RpcKind::kBatch:
      return "/predictd.v1.Predictor/PredictBatch";
    case RpcKind::kInfer:
      return "/inference.GRPCInferenceService/ModelInfer";
    default:
      return "/predictd.v1.Predictor/Predict";
  }
}

}  // namespace

UnaryRpc::UnaryRpc(const RpcOptions& options, grpc::CompletionQueue& queue, AnswerHandler& handler)
    : options_(options),
      method_(MethodOf(options.kind)),
      queue_(queue),
      handler_(handler),
      random_(options.seed),
      calls_(options.slots) {
  for (const auto& channel : options_.channels) stubs_.emplace_back(channel);
  for (size_t slot = 0; slot < calls_.size(); ++slot) {
    calls_[slot].rpc = this;
    calls_[slot].slot = slot;
  }
}

void UnaryRpc::Send(size_t slot, int64_t deadline) {
  Call& call = calls_[slot];
  // The reader lies in the call that the context holds.
  call.reader.reset();
  call.context.emplace();
  call.context->set_deadline(MonotonicTime(deadline));
  call.reader = stubs_[slot % stubs_.size()].PrepareUnaryCall(&*call.context, method_,
                                                              NextRequest(), &queue_);
  call.reader->StartCall();
  call.reader->Finish(&call.reply, &call.status, &call);
}

grpc::ByteBuffer UnaryRpc::NextRequest() {
  switch (options_.kind) {
    case RpcKind::kBatch:
      return options_.requests->Batch(random_, options_.batch_rows);
    case RpcKind::kInfer:
      return options_.requests->WithoutUser();
    default:
      return options_.requests->OneUser(random_);
  }
}

void UnaryRpc::Cancel() {
  for (auto& call : calls_) {
    if (call.context) call.context->TryCancel();
  }
}

void UnaryRpc::Call::Happened(bool) { rpc->handler_.OnAnswer(slot, rpc->Judge(*this)); }

// Of Predict and ModelInfer the status says it all; the CPU of parsing is the server's here.
Answer UnaryRpc::Judge(Call& call) const {
  Answer answer{.code = call.status.error_code()};
  if (answer.code != grpc::StatusCode::OK) return answer;
  if (options_.kind != RpcKind::kBatch) {
    answer.rows = options_.kind == RpcKind::kInfer ? options_.batch_rows : 1;
    return answer;
  }
  grpc::ProtoBufferReader reader(&call.reply);
  v1::PredictBatchResponse reply;
  if (!reply.ParseFromZeroCopyStream(&reader)) {
    answer.code = grpc::StatusCode::INTERNAL;
    return answer;
  }
  answer.failed_rows = reply.errors_size();
  answer.rows = options_.batch_rows - reply.errors_size();
  return answer;
}

}  // namespace predictd::client
