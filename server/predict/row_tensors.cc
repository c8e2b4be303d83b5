#include "server/predict/row_tensors.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace predictd::predict {
namespace {

bool AllFloats(const std::vector<TensorLayout>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const TensorLayout& tensor) { return tensor.datatype == Datatype::kFp32; });
}

}  // namespace

int OutputsPerRow(const batching::LaneOptions& lane) {
  int64_t count = 0;
  for (const TensorLayout& output : lane.outputs) count += output.elements_per_row;
  return static_cast<int>(count);
}

RowTensors::RowTensors(const batching::LaneOptions& lane, absl::Span<const float> features,
                       absl::Span<float> outputs, batching::Row& row)
    : lane_(lane), outputs_(outputs) {
  const TensorLayout& input = lane.inputs.front();
  if (input.datatype == Datatype::kFp32) {
    input_ = reinterpret_cast<const char*>(features.data());
  } else {
    converted_input_.resize(input.bytes_per_row());
    FromFloats(features, input.datatype, converted_input_.data());
    input_ = converted_input_.data();
  }
  char* next = reinterpret_cast<char*>(outputs.data());
  if (!AllFloats(lane.outputs)) {
    size_t bytes = 0;
    for (const TensorLayout& output : lane.outputs) bytes += output.bytes_per_row();
    unconverted_outputs_.resize(bytes);
    next = unconverted_outputs_.data();
  }
  for (const TensorLayout& output : lane.outputs) {
    output_pointers_.push_back(next);
    next += output.bytes_per_row();
  }
  row.inputs = absl::MakeConstSpan(&input_, 1);
  row.outputs = absl::MakeSpan(output_pointers_);
}

absl::Status RowTensors::TakeOutputs() {
  if (unconverted_outputs_.empty()) return absl::OkStatus();
  float* to = outputs_.data();
  for (size_t i = 0; i < lane_.outputs.size(); ++i) {
    const TensorLayout& output = lane_.outputs[i];
    ToFloats(output_pointers_[i], output.datatype, absl::MakeSpan(to, output.elements_per_row));
    // What came was finite.
    if (!AllFinite(reinterpret_cast<const char*>(to), Datatype::kFp32, output.elements_per_row)) {
      return absl::InternalError(absl::StrCat("model '", lane_.model, "' version ", lane_.version,
                                              ": gave a value beyond FP32 in output '", output.name,
                                              "' for this row; ModelInfer answers it as it is"));
    }
    to += output.elements_per_row;
  }
  return absl::OkStatus();
}

}  // namespace predictd::predict
