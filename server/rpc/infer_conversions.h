// Tensors of inference.ModelInferRequest to the line's plain values, and back.
#ifndef PREDICTD_SERVER_RPC_INFER_CONVERSIONS_H_
#define PREDICTD_SERVER_RPC_INFER_CONVERSIONS_H_

#include <forward_list>
#include <string>

#include "absl/status/status.h"
#include "inference/grpc_service.pb.h"
#include "server/predict/inference.h"

namespace predictd::rpc {

// A request as the line takes it. It looks into the message that it was read from.
struct InferCall {
  predict::InferRequest request;
  // Bytes of inputs whose typed elements travel wider than they are.
  std::forward_list<std::string> narrowed;
  // Whether the outputs are to be raw, as far as they have a typed form.
  bool raw_outputs = true;
};

// `call` is new. INVALID_ARGUMENT names the tensor or parameter; what the model's signature says of
// the tensors is for predict::Inference to check.
absl::Status ReadInferRequest(const inference::ModelInferRequest& message, InferCall& call);

// All but the id and the parameters. Takes the bytes of `answer`.
void FillInferResponse(predict::InferAnswer& answer, bool raw,
                       inference::ModelInferResponse& message);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_INFER_CONVERSIONS_H_
