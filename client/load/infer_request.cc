#include "client/load/infer_request.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/channel.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/base/datatype.h"

namespace predictd::client {
namespace {

absl::Status Wrong(absl::string_view input) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--infer_inputs: '", input, "' is no input; write NAME:DATATYPE[SIZES], such as x:FP32[17]"));
}

// The commas inside brackets do not part inputs.
std::vector<absl::string_view> SplitInputs(absl::string_view inputs) {
  std::vector<absl::string_view> pieces;
  while (!inputs.empty()) {
    const size_t end = std::min(inputs.find(']'), inputs.size() - 1) + 1;
    pieces.push_back(inputs.substr(0, end));
    inputs.remove_prefix(end);
    absl::ConsumePrefix(&inputs, ",");
  }
  return pieces;
}

}  // namespace

absl::StatusOr<inference::ModelInferRequest> ParseInferInputs(absl::string_view inputs) {
  inference::ModelInferRequest request;
  for (const absl::string_view input : SplitInputs(inputs)) {
    absl::string_view text = input;
    if (!absl::ConsumeSuffix(&text, "]")) return Wrong(input);
    const size_t bracket = text.rfind('[');
    const size_t colon = text.rfind(':', bracket);
    if (bracket == text.npos || colon == text.npos || colon == 0) return Wrong(input);
    const absl::string_view datatype = text.substr(colon + 1, bracket - colon - 1);
    if (!ParseDatatype(datatype)) return Wrong(input);
    auto& tensor = *request.add_inputs();
    tensor.set_name(std::string(text.substr(0, colon)));
    tensor.set_datatype(std::string(datatype));
    tensor.add_shape(-1);
    for (const absl::string_view size :
         absl::StrSplit(text.substr(bracket + 1), ',', absl::SkipEmpty())) {
      int64_t number = 0;
      if (!absl::SimpleAtoi(size, &number) || number < 1) return Wrong(input);
      tensor.add_shape(number);
    }
  }
  return request;
}

absl::StatusOr<inference::ModelInferRequest> AskForInferInputs(
    const std::shared_ptr<grpc::Channel>& channel, const std::string& model,
    absl::Duration timeout) {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  inference::ModelMetadataRequest question;
  question.set_name(model);
  inference::ModelMetadataResponse metadata;
  const grpc::Status status = inference::GRPCInferenceService::NewStub(channel)->ModelMetadata(
      &context, question, &metadata);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the server does not say what the model takes (",
                                                   status.error_message(),
                                                   "); say so with --infer_inputs"));
  }
  inference::ModelInferRequest request;
  for (const auto& input : metadata.inputs()) {
    if (!ParseDatatype(input.datatype())) {
      return absl::InvalidArgumentError(absl::StrCat("input '", input.name(), "' has datatype ",
                                                     input.datatype(), "; this client sends ",
                                                     DatatypeNames()));
    }
    auto& tensor = *request.add_inputs();
    tensor.set_name(input.name());
    tensor.set_datatype(input.datatype());
    for (const int64_t size : input.shape()) tensor.add_shape(std::max<int64_t>(size, 1));
  }
  return request;
}

void FillWithZeros(int rows, inference::ModelInferRequest& request) {
  for (auto& input : *request.mutable_inputs()) {
    input.set_shape(0, rows);
    size_t bytes = DatatypeSize(*ParseDatatype(input.datatype()));
    for (const int64_t size : input.shape()) bytes *= size;
    request.add_raw_input_contents(std::string(bytes, '\0'));
  }
}

}  // namespace predictd::client
