#include "server/predict/row_tensors.h"

#include <algorithm>
#include <cstring>

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

RowTensors::RowTensors(const batching::LaneOptions& lane, int rows,
                       absl::Span<const float> features, absl::Span<float> outputs)
    : lane_(lane) {
  const TensorLayout& input = lane.inputs.front();
  if (input.datatype == Datatype::kFp32) {
    input_ = reinterpret_cast<const char*>(features.data());
  } else {
    converted_input_.resize(rows * input.bytes_per_row());
    FromFloats(features, input.datatype, converted_input_.data());
    input_ = converted_input_.data();
  }
  char* next = reinterpret_cast<char*>(outputs.data());
  if (!AllFloats(lane.outputs)) {
    size_t bytes = 0;
    for (const TensorLayout& output : lane.outputs) bytes += rows * output.bytes_per_row();
    unconverted_outputs_.resize(bytes);
    next = unconverted_outputs_.data();
  }
  for (const TensorLayout& output : lane.outputs) {
    output_pointers_.push_back(next);
    next += rows * output.bytes_per_row();
  }
}

void RowTensors::Point(batching::Row& row) {
  row.inputs = absl::MakeConstSpan(&input_, 1);
  row.outputs = absl::MakeSpan(output_pointers_);
}

absl::Status RowTensors::TakeOutputs(int row, absl::Span<float> to) const {
  for (size_t i = 0; i < lane_.outputs.size(); ++i) {
    const TensorLayout& output = lane_.outputs[i];
    const char* const from = output_pointers_[i] + row * output.bytes_per_row();
    const absl::Span<float> values = to.first(output.elements_per_row);
    to.remove_prefix(values.size());
    if (unconverted_outputs_.empty()) {
      std::memmove(values.data(), from, output.bytes_per_row());
      continue;
    }
    ToFloats(from, output.datatype, values);
    // What came was finite.
    if (!AllFinite(reinterpret_cast<const char*>(values.data()), Datatype::kFp32, values.size())) {
      return absl::InternalError(absl::StrCat("model '", lane_.model, "' version ", lane_.version,
                                              ": gave a value beyond FP32 in output '", output.name,
                                              "' for this row; ModelInfer answers it as it is"));
    }
  }
  return absl::OkStatus();
}

}  // namespace predictd::predict
