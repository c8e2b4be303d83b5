// The one request that a load run of ModelInfer sends again and again.
#ifndef PREDICTD_CLIENT_LOAD_INFER_REQUEST_H_
#define PREDICTD_CLIENT_LOAD_INFER_REQUEST_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "inference/grpc_service.pb.h"

namespace predictd::client {

// "x:FP32[17],ids:INT64[3]": names, datatypes and shapes without the batch dimension ("x:FP32[]"
// has no other one). INVALID_ARGUMENT names the flag.
absl::StatusOr<inference::ModelInferRequest> ParseInferInputs(absl::string_view inputs);

// What the server says the model takes; free dimensions become 1. Blocks for at most `timeout`.
absl::StatusOr<inference::ModelInferRequest> AskForInferInputs(
    const std::shared_ptr<grpc::Channel>& channel, const std::string& model,
    absl::Duration timeout);

// Gives every input `rows` rows of zeros, raw.
void FillWithZeros(int rows, inference::ModelInferRequest& request);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_INFER_REQUEST_H_
