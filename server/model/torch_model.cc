#include "server/model/torch_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <cstring>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace predictd::model {
namespace {

// Rows of the batch on which a model is tried: where most batches under load lie.
constexpr int kSampleRows = 8;

at::ScalarType ScalarType(Datatype datatype) {
  // In the order of the enumeration.
  constexpr std::array<at::ScalarType, 10> kTypes = {
      at::kBool, at::kChar, at::kByte,     at::kShort, at::kInt,
      at::kLong, at::kHalf, at::kBFloat16, at::kFloat, at::kDouble};
  return kTypes[static_cast<size_t>(datatype)];
}

std::vector<TensorLayout> Layouts(const google::protobuf::RepeatedPtrField<v1::Tensor>& tensors) {
  std::vector<TensorLayout> layouts;
  for (const v1::Tensor& tensor : tensors) {
    TensorLayout layout;
    layout.name = tensor.name();
    // The signature was checked when it was parsed.
    layout.datatype = *ParseDatatype(tensor.datatype());
    layout.shape.assign(tensor.shape().begin(), tensor.shape().end());
    layout.elements_per_row = ElementsPerRow(layout.shape);
    layouts.push_back(std::move(layout));
  }
  return layouts;
}

// A view of the caller's memory, which a module that works in place overwrites.
at::Tensor FromBytes(const char* bytes, at::IntArrayRef shape, Datatype datatype) {
  return at::from_blob(const_cast<char*>(bytes), shape, ScalarType(datatype));
}

std::vector<int64_t> ShapeOf(const TensorLayout& layout, int64_t rows) {
  std::vector<int64_t> shape = layout.shape;
  shape[0] = rows;
  return shape;
}

}  // namespace

std::string ShortMessage(const std::exception& error) {
  const auto* c10_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text =
      c10_error != nullptr ? c10_error->what_without_backtrace() : error.what();
  // A script's own exception stands in the last line of a TorchScript traceback.
  std::string last;
  std::string first;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of(" \t^~") == std::string::npos) continue;
    if (first.empty()) first = line;
    last = line;
  }
  const bool traceback = text.find("Traceback of TorchScript") != std::string::npos;
  const std::string& said = traceback ? last : first;
  // What libtorch asks of its own developers is nothing for whoever made the model.
  return said.substr(0, said.find("  (Could this error message be improved?"));
}

std::vector<at::Tensor> SampleInputs(const v1::Signature& signature, int rows) {
  std::vector<at::Tensor> inputs;
  for (const TensorLayout& layout : Layouts(signature.inputs())) {
    std::vector<int64_t> shape = ShapeOf(layout, rows);
    for (int64_t& size : shape) size = size < 0 ? 1 : size;
    inputs.push_back(at::zeros(shape, ScalarType(layout.datatype)));
  }
  if (signature.features().empty()) return inputs;
  at::Tensor features = at::zeros({rows, signature.features_size()}, at::kFloat);
  auto values = features.accessor<float, 2>();
  for (int row = 0; row < rows; ++row) {
    for (int f = 0; f < signature.features_size(); ++f) {
      const bool golden = signature.golden_size() > 0;
      values[row][f] = golden ? signature.golden(row % signature.golden_size()).features(f)
                              : signature.features(f).default_value();
    }
  }
  inputs[0] = features.to(inputs[0].scalar_type());
  return inputs;
}

std::vector<at::Tensor> RandomInputs(const v1::Signature& signature, int rows) {
  at::Generator generator = at::detail::createCPUGenerator(/*seed_val=*/1);
  std::vector<at::Tensor> inputs = SampleInputs(signature, rows);
  for (at::Tensor& input : inputs) {
    if (!input.is_floating_point()) continue;
    const auto noise = [&] { return at::randn(input.sizes(), generator, at::kFloat); };
    input = (input * (noise() * 0.5 + 1) + noise()).to(input.scalar_type());
  }
  return inputs;
}

TorchModel::TorchModel(v1::Signature signature, Function function)
    : signature_(std::move(signature)),
      function_(std::move(function)),
      inputs_(Layouts(signature_.inputs())),
      outputs_(Layouts(signature_.outputs())) {}

absl::Status TorchModel::LearnOutputs() {
  if (!AllFixed(inputs_)) return absl::OkStatus();
  const std::vector<at::Tensor> tensors = RunFunction(SampleInputs(signature_, kSampleRows));
  PREDICTD_RETURN_IF_ERROR(CheckOutputs(kSampleRows, tensors));
  for (size_t i = 0; i < tensors.size(); ++i) {
    outputs_[i].shape.assign(tensors[i].sizes().begin(), tensors[i].sizes().end());
    outputs_[i].shape[0] = -1;
    outputs_[i].elements_per_row = ElementsPerRow(outputs_[i].shape);
  }
  learnt_ = true;
  return absl::OkStatus();
}

absl::Status TorchModel::CheckOutputs(int64_t rows, const std::vector<at::Tensor>& tensors) const {
  if (tensors.size() != outputs_.size()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the model gives ", tensors.size(), " outputs; its signature names ", outputs_.size()));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorLayout& declared = outputs_[i];
    const at::Tensor& tensor = tensors[i];
    bool matches =
        tensor.dim() == static_cast<int64_t>(declared.shape.size()) && tensor.size(0) == rows;
    for (int64_t d = 1; matches && d < tensor.dim(); ++d) {
      matches = declared.shape[d] == -1 || declared.shape[d] == tensor.size(d);
    }
    if (!matches) {
      return absl::FailedPreconditionError(absl::StrCat(
          "output '", declared.name, "' has shape ", c10::str(tensor.sizes()), " for ", rows,
          " rows; ", learnt_ ? "when it was loaded it had " : "its signature says ",
          c10::str(declared.shape)));
    }
    if (tensor.scalar_type() != ScalarType(declared.datatype)) {
      return absl::FailedPreconditionError(
          absl::StrCat("output '", declared.name, "' is ", c10::toString(tensor.scalar_type()),
                       "; its signature says ", DatatypeName(declared.datatype)));
    }
  }
  return absl::OkStatus();
}

std::vector<at::Tensor> TorchModel::RunFunction(const std::vector<at::Tensor>& inputs) const {
  const c10::InferenceMode inference;
  return function_(inputs);
}

absl::Status TorchModel::Run(int rows, const char* const* inputs, char* const* outputs) const {
  try {
    std::vector<at::Tensor> tensors;
    tensors.reserve(inputs_.size());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      tensors.push_back(FromBytes(inputs[i], ShapeOf(inputs_[i], rows), inputs_[i].datatype));
    }
    tensors = RunFunction(tensors);
    const absl::Status as_declared = CheckOutputs(rows, tensors);
    if (!as_declared.ok()) return absl::InternalError(as_declared.message());
    for (size_t i = 0; i < tensors.size(); ++i) {
      const at::Tensor values = tensors[i].contiguous();
      std::memcpy(outputs[i], values.data_ptr(), rows * outputs_[i].bytes_per_row());
    }
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(ShortMessage(error));
  } catch (...) {
    return absl::InternalError("unknown exception");
  }
}

absl::StatusOr<std::vector<TensorValue>> TorchModel::RunShapes(
    absl::Span<const TensorView> inputs) const {
  try {
    std::vector<at::Tensor> tensors;
    for (const TensorView& input : inputs) {
      tensors.push_back(FromBytes(input.bytes.data(), input.shape, input.datatype));
    }
    tensors = RunFunction(tensors);
    const absl::Status as_declared = CheckOutputs(inputs[0].shape[0], tensors);
    if (!as_declared.ok()) return absl::InternalError(as_declared.message());
    std::vector<TensorValue> outputs;
    for (const at::Tensor& tensor : tensors) {
      const at::Tensor values = tensor.contiguous();
      outputs.push_back(
          {{values.sizes().begin(), values.sizes().end()},
           std::string(static_cast<const char*>(values.data_ptr()), values.nbytes())});
    }
    return outputs;
  } catch (const std::exception& error) {
    return absl::InternalError(ShortMessage(error));
  } catch (...) {
    return absl::InternalError("unknown exception");
  }
}

}  // namespace predictd::model
