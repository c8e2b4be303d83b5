#include "server/model/signature.h"

#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/datatype.h"
#include "server/base/one_line.h"
#include "server/base/status.h"

namespace predictd::model {
namespace {

absl::Status Invalid(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("signature: ", field, " ", problem));
}

absl::Status CheckTensors(absl::string_view list,
                          const google::protobuf::RepeatedPtrField<v1::Tensor>& tensors) {
  if (tensors.empty()) return Invalid(list, "is empty; name every tensor of the model");
  absl::flat_hash_set<absl::string_view> names;
  for (int i = 0; i < tensors.size(); ++i) {
    const v1::Tensor& tensor = tensors[i];
    const std::string field = absl::StrCat(list, "[", i, "]");
    if (tensor.name().empty()) return Invalid(field, "has no name");
    if (!names.insert(tensor.name()).second) {
      return Invalid(field, absl::StrCat("repeats the name '", tensor.name(), "'"));
    }
    if (!ParseDatatype(tensor.datatype())) {
      return Invalid(field, absl::StrCat("has datatype '", tensor.datatype(), "'; known are ",
                                         DatatypeNames()));
    }
    if (tensor.shape().empty() || tensor.shape(0) != -1) {
      return Invalid(field, "must have shape [-1, ...]: the first dimension is the batch");
    }
    for (const int64_t size : tensor.shape()) {
      if (size != -1 && size < 1) {
        return Invalid(field, absl::StrCat("has a dimension of ", size, "; use -1 for any size"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFeatures(const v1::Signature& signature) {
  if (signature.features().empty()) return absl::OkStatus();
  absl::flat_hash_set<absl::string_view> names;
  for (int i = 0; i < signature.features_size(); ++i) {
    const v1::Feature& feature = signature.features(i);
    const std::string field = absl::StrCat("features[", i, "]");
    if (feature.name().empty()) return Invalid(field, "has no name");
    if (!names.insert(feature.name()).second) {
      return Invalid(field, absl::StrCat("repeats the name '", feature.name(), "'"));
    }
    if (feature.has_default_value() && !std::isfinite(feature.default_value())) {
      return Invalid(field, "has a default_value that is not finite");
    }
  }
  if (signature.inputs_size() != 1) {
    return Invalid("features", "need a model with exactly one input");
  }
  const v1::Tensor& input = signature.inputs(0);
  if (input.shape_size() != 2 ||
      (input.shape(1) != -1 && input.shape(1) != signature.features_size())) {
    return Invalid("inputs[0]", absl::StrCat("must have shape [-1, ", signature.features_size(),
                                             "]: one column per feature"));
  }
  return absl::OkStatus();
}

absl::Status CheckGolden(const v1::Signature& signature) {
  for (int i = 0; i < signature.golden_size(); ++i) {
    const v1::GoldenCase& golden = signature.golden(i);
    const std::string field = absl::StrCat("golden[", i, "]");
    if (signature.features().empty()) return Invalid(field, "is for models with features");
    if (golden.features_size() != signature.features_size()) {
      return Invalid(field, absl::StrCat("has ", golden.features_size(),
                                         " features; the model has ", signature.features_size()));
    }
    if (!(golden.tolerance() >= 0)) return Invalid(field, "has a negative tolerance");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Signature> ParseSignature(absl::string_view json) {
  v1::Signature signature;
  const auto parsed = google::protobuf::util::JsonStringToMessage(std::string(json), &signature);
  if (!parsed.ok()) {
    return Invalid("JSON",
                   absl::StrCat("cannot be read: ", OneLine(std::string(parsed.message()))));
  }
  PREDICTD_RETURN_IF_ERROR(CheckTensors("inputs", signature.inputs()));
  PREDICTD_RETURN_IF_ERROR(CheckTensors("outputs", signature.outputs()));
  PREDICTD_RETURN_IF_ERROR(CheckFeatures(signature));
  PREDICTD_RETURN_IF_ERROR(CheckGolden(signature));
  // What is advertised is what is taken.
  if (!signature.features().empty()) {
    signature.mutable_inputs(0)->set_shape(1, signature.features_size());
  }
  return signature;
}

absl::StatusOr<v1::Signature> ReadSignature(const std::string& directory,
                                            absl::string_view inside) {
  const std::string path = directory + "/signature.json";
  std::string json(inside);
  if (std::filesystem::exists(path)) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return absl::FailedPreconditionError("cannot read " + path);
    json = text.str();
  }
  if (json.empty()) {
    return absl::FailedPreconditionError(
        "no signature: put signature.json beside the model, or save a TorchScript model with "
        "_extra_files={'signature.json': ...}");
  }
  absl::StatusOr<v1::Signature> signature = ParseSignature(json);
  if (!signature.ok()) return absl::FailedPreconditionError(signature.status().message());
  return signature;
}

float GoldenTolerance(const v1::GoldenCase& golden) {
  return golden.tolerance() > 0 ? golden.tolerance() : 1e-5F;
}

}  // namespace predictd::model
