#include "server/rpc/infer_calls.h"

#include <utility>

#include "server/base/utf8.h"
#include "server/rpc/infer_conversions.h"
#include "server/rpc/request_record.h"

namespace predictd::rpc {
namespace {

// Enough for the calls of most turns. No more, as for Predict: messages may be large.
constexpr int kSpare = 64;

}  // namespace

InferCalls::InferCalls(const InferenceParts& parts, Scope& scope)
    : parts_(parts),
      model_infer_(parts.loop, scope, parts.service, &Async::RequestModelInfer, kSpare,
                   [this](Call& call, const inference::ModelInferRequest& message,
                          inference::ModelInferResponse& response) {
                     return Infer(Method::kModelInfer, call, message, response);
                   }),
      model_stream_infer_(parts.loop, scope, parts.service, &Async::RequestModelStreamInfer,
                          parts.streams, parts.state,
                          [this](Call& call, const inference::ModelInferRequest& message,
                                 inference::ModelStreamInferResponse& response) {
                            return InferInBand(call, message, response);
                          }) {}

void InferCalls::Start() {
  model_infer_.Start();
  model_stream_infer_.Start();
}

Task<absl::Status> InferCalls::Infer(Method method, Call& call,
                                     const inference::ModelInferRequest& message,
                                     inference::ModelInferResponse& response) {
  RequestRecord record(method, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (!status.ok()) co_return record.Answered(std::move(status));
  InferCall infer;
  status = ReadInferRequest(message, infer);
  if (!status.ok()) co_return record.Answered(std::move(status));
  absl::StatusOr<predict::InferAnswer> answer =
      co_await parts_.inference.Infer(infer.request, call.caller());
  if (!answer.ok()) co_return record.Answered(answer.status());
  response.set_id(message.id());
  FillInferResponse(*answer, infer.raw_outputs, response);
  co_return record.Answered(absl::OkStatus(), &answer->times);
}

Task<void> InferCalls::InferInBand(Call& call, const inference::ModelInferRequest& message,
                                   inference::ModelStreamInferResponse& response) {
  inference::ModelInferResponse& infer = *response.mutable_infer_response();
  const absl::Status status = co_await Infer(Method::kModelStreamInfer, call, message, infer);
  if (!status.ok()) {
    response.set_error_message(ValidUtf8(status.message()));
    infer.set_id(message.id());
    infer.set_model_name(message.model_name());
    infer.set_model_version(message.model_version());
  }
  // Common clients look for it in every answer of a stream.
  (*infer.mutable_parameters())["triton_final_response"].set_bool_param(true);
}

}  // namespace predictd::rpc
