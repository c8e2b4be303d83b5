// What the parameters of an inference.ModelInferRequest ask for.
#ifndef PREDICTD_SERVER_RPC_INFER_PARAMETERS_H_
#define PREDICTD_SERVER_RPC_INFER_PARAMETERS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "inference/grpc_service.pb.h"

namespace predictd::rpc {

struct InferParameters {
  // The model is not run for the request later than this after it came.
  absl::Duration timeout = absl::InfiniteDuration();
  // Whether the outputs come raw; unset = as the inputs came.
  std::optional<bool> raw_outputs;
};

// Of the request, its inputs and its outputs. INVALID_ARGUMENT names the parameter that would
// change the request's meaning in a way that is not supported, or has another type than it must;
// parameters that are not known are ignored.
absl::StatusOr<InferParameters> ReadParameters(const inference::ModelInferRequest& request);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_INFER_PARAMETERS_H_
