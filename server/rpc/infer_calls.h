// ModelInfer and ModelStreamInfer of inference.GRPCInferenceService on one loop.
#ifndef PREDICTD_SERVER_RPC_INFER_CALLS_H_
#define PREDICTD_SERVER_RPC_INFER_CALLS_H_

#include "server/async/scope.h"
#include "server/rpc/inference_parts.h"
#include "server/rpc/stream.h"
#include "server/rpc/unary.h"

namespace predictd::rpc {

// Loop's thread only; outlives the scope's tasks.
class InferCalls {
 public:
  InferCalls(const InferenceParts& parts, Scope& scope);

  // Starts taking calls.
  void Start();

 private:
  using Async = inference::GRPCInferenceService::AsyncService;

  Task<absl::Status> Infer(Method method, Call& call, const inference::ModelInferRequest& message,
                           inference::ModelInferResponse& response);
  // A failure becomes the response's error_message.
  Task<void> InferInBand(Call& call, const inference::ModelInferRequest& message,
                         inference::ModelStreamInferResponse& response);

  const InferenceParts parts_;
  UnaryMethod<Async, inference::ModelInferRequest, inference::ModelInferResponse> model_infer_;
  StreamMethod<Async, inference::ModelInferRequest, inference::ModelStreamInferResponse>
      model_stream_infer_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_INFER_CALLS_H_
