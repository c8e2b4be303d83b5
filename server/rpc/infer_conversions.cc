#include "server/rpc/infer_conversions.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"
#include "server/rpc/infer_parameters.h"
#include "server/rpc/tensor_contents.h"

namespace predictd::rpc {
namespace {

using inference::ModelInferRequest;

absl::Status Invalid(const ModelInferRequest::InferInputTensor& input, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("inputs['", input.name(), "']: ", what));
}

// Raw: one for each input, and nothing else.
absl::Status CheckRaw(const ModelInferRequest& message) {
  const int raw = message.raw_input_contents_size();
  if (raw > message.inputs_size()) {
    return absl::InvalidArgumentError(absl::StrCat("raw_input_contents: there are ", raw, " for ",
                                                   message.inputs_size(), " inputs"));
  }
  if (raw < message.inputs_size()) {
    return Invalid(message.inputs(raw), "has no raw_input_contents; the inputs before it have");
  }
  for (const auto& input : message.inputs()) {
    if (input.has_contents()) return Invalid(input, "has contents beside raw_input_contents");
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> TypedBytes(const ModelInferRequest::InferInputTensor& input,
                                             Datatype datatype, InferCall& call) {
  if (!input.has_contents()) return Invalid(input, "has neither contents nor raw_input_contents");
  return ContentsBytes(input.name(), datatype, input.contents(), call.narrowed);
}

}  // namespace

absl::Status ReadInferRequest(const ModelInferRequest& message, InferCall& call) {
  const absl::StatusOr<InferParameters> parameters = ReadParameters(message);
  PREDICTD_RETURN_IF_ERROR(parameters.status());
  const bool raw = !message.raw_input_contents().empty();
  if (raw) PREDICTD_RETURN_IF_ERROR(CheckRaw(message));
  call.raw_outputs = parameters->raw_outputs.value_or(raw);

  predict::InferRequest& request = call.request;
  request.model = message.model_name();
  request.version = message.model_version();
  request.timeout = parameters->timeout;
  request.inputs.reserve(message.inputs_size());
  for (int i = 0; i < message.inputs_size(); ++i) {
    const auto& input = message.inputs(i);
    const std::optional<Datatype> datatype = ParseDatatype(input.datatype());
    if (!datatype) {
      return Invalid(input, absl::StrCat("unknown datatype '", input.datatype(),
                                         "'; known are: ", DatatypeNames()));
    }
    predict::InputTensor& tensor = request.inputs.emplace_back();
    tensor.name = input.name();
    tensor.datatype = *datatype;
    tensor.shape.assign(input.shape().begin(), input.shape().end());
    if (raw) {
      tensor.bytes = message.raw_input_contents(i);
    } else {
      const auto bytes = TypedBytes(input, *datatype, call);
      PREDICTD_RETURN_IF_ERROR(bytes.status());
      tensor.bytes = *bytes;
    }
  }
  request.outputs.reserve(message.outputs_size());
  for (const auto& output : message.outputs()) request.outputs.push_back(output.name());
  return absl::OkStatus();
}

void FillInferResponse(predict::InferAnswer& answer, bool raw,
                       inference::ModelInferResponse& message) {
  message.set_model_name(answer.version->model);
  message.set_model_version(answer.version->version);
  // One form for all outputs: clients tell by the first.
  raw = raw || std::any_of(answer.outputs.begin(), answer.outputs.end(),
                           [](const auto& output) { return !HasTypedForm(output.datatype); });
  for (predict::OutputTensor& output : answer.outputs) {
    auto& tensor = *message.add_outputs();
    const absl::string_view datatype = DatatypeName(output.datatype);
    tensor.set_name(std::move(output.name));
    tensor.set_datatype(datatype.data(), datatype.size());
    tensor.mutable_shape()->Assign(output.shape.begin(), output.shape.end());
    if (raw) {
      message.add_raw_output_contents(std::move(output.bytes));
    } else {
      FillContents(output.datatype, output.bytes, *tensor.mutable_contents());
    }
  }
}

}  // namespace predictd::rpc
