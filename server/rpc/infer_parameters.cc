#include "server/rpc/infer_parameters.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"

namespace predictd::rpc {
namespace {

using inference::InferParameter;

absl::Status Invalid(absl::string_view parameter, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("parameters['", parameter, "'] ", what));
}

absl::Status ReadTimeout(const InferParameter& value, absl::Duration& timeout) {
  uint64_t microseconds = 0;
  if (value.has_int64_param() && value.int64_param() >= 0) {
    microseconds = static_cast<uint64_t>(value.int64_param());
  } else if (value.has_uint64_param()) {
    microseconds = value.uint64_param();
  } else {
    return Invalid("timeout", "must be an int64_param of 0 or more microseconds");
  }
  if (microseconds > 0 && microseconds <= std::numeric_limits<int64_t>::max()) {
    timeout = absl::Microseconds(static_cast<int64_t>(microseconds));
  }
  return absl::OkStatus();
}

absl::Status ReadOfRequest(absl::string_view name, const InferParameter& value,
                           InferParameters& parameters) {
  if (name == "timeout") return ReadTimeout(value, parameters.timeout);
  if (name == "binary_data_output") {
    if (!value.has_bool_param()) return Invalid(name, "must be a bool_param");
    parameters.raw_outputs = value.bool_param();
    return absl::OkStatus();
  }
  if (name == "sequence_id" || name == "sequence_start" || name == "sequence_end") {
    return Invalid(name, "is not supported: models here keep nothing between requests");
  }
  if (name == "triton_enable_empty_final_response") {
    return value.has_bool_param() ? absl::OkStatus() : Invalid(name, "must be a bool_param");
  }
  if (absl::StartsWith(name, "triton_")) return Invalid(name, "is reserved and not known here");
  return absl::OkStatus();
}

absl::Status CheckOfTensor(absl::string_view list, absl::string_view tensor,
                           absl::string_view name) {
  if (name != "classification" && !absl::StartsWith(name, "shared_memory_")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(list, "['", tensor, "'].parameters['", name, "'] is not supported"));
}

}  // namespace

absl::StatusOr<InferParameters> ReadParameters(const inference::ModelInferRequest& request) {
  InferParameters parameters;
  for (const auto& [name, value] : request.parameters()) {
    PREDICTD_RETURN_IF_ERROR(ReadOfRequest(name, value, parameters));
  }
  for (const auto& input : request.inputs()) {
    for (const auto& [name, value] : input.parameters()) {
      PREDICTD_RETURN_IF_ERROR(CheckOfTensor("inputs", input.name(), name));
    }
  }
  for (const auto& output : request.outputs()) {
    for (const auto& [name, value] : output.parameters()) {
      PREDICTD_RETURN_IF_ERROR(CheckOfTensor("outputs", output.name(), name));
    }
  }
  return parameters;
}

}  // namespace predictd::rpc
