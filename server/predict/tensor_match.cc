#include "server/predict/tensor_match.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"

namespace predictd::predict {
namespace {

absl::Status Invalid(absl::string_view list, absl::string_view name, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(list, "['", name, "']: ", problem));
}

std::string Names(const std::vector<TensorLayout>& tensors) {
  return absl::StrJoin(tensors, ", ", [](std::string* out, const TensorLayout& tensor) {
    absl::StrAppend(out, "'", tensor.name, "'");
  });
}

int Find(const std::vector<TensorLayout>& tensors, absl::string_view name) {
  const auto it = std::find_if(tensors.begin(), tensors.end(),
                               [name](const TensorLayout& tensor) { return tensor.name == name; });
  return it == tensors.end() ? -1 : static_cast<int>(it - tensors.begin());
}

std::string ShapeText(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

bool ShapeFits(absl::Span<const int64_t> shape, absl::Span<const int64_t> declared) {
  if (shape.size() != declared.size() || shape[0] < 1) return false;
  for (size_t d = 1; d < shape.size(); ++d) {
    // Rows of no bytes would be as many as one likes.
    if (shape[d] < 1 || (declared[d] >= 0 && shape[d] != declared[d])) return false;
  }
  return true;
}

// Bytes of a tensor; the largest number where that overflows, which no message can hold.
uint64_t Bytes(const InputTensor& tensor) {
  uint64_t bytes = DatatypeSize(tensor.datatype);
  for (const int64_t size : tensor.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes)) {
      return std::numeric_limits<uint64_t>::max();
    }
  }
  return bytes;
}

absl::Status CheckInput(const TensorLayout& layout, const InputTensor& input) {
  if (input.datatype != layout.datatype) {
    return Invalid("inputs", input.name,
                   absl::StrCat("datatype is ", DatatypeName(input.datatype), "; the model takes ",
                                DatatypeName(layout.datatype)));
  }
  if (!ShapeFits(input.shape, layout.shape)) {
    return Invalid("inputs", input.name,
                   absl::StrCat("shape is ", ShapeText(input.shape), "; the model takes ",
                                ShapeText(layout.shape), " with sizes of at least 1"));
  }
  if (const uint64_t expected = Bytes(input); input.bytes.size() != expected) {
    return Invalid(
        "inputs", input.name,
        absl::StrCat("has ", input.bytes.size(), " bytes; shape ", ShapeText(input.shape), " of ",
                     DatatypeName(input.datatype), " needs ", expected));
  }
  return absl::OkStatus();
}

absl::Status MatchInputs(const std::vector<TensorLayout>& layouts, const InferRequest& request,
                         MatchedTensors& matched) {
  matched.inputs.resize(layouts.size(), nullptr);
  for (const InputTensor& input : request.inputs) {
    const int position = Find(layouts, input.name);
    if (position < 0) {
      return Invalid("inputs", input.name,
                     absl::StrCat("is no input of the model; its inputs are: ", Names(layouts)));
    }
    if (matched.inputs[position] != nullptr) {
      return Invalid("inputs", input.name, "is there twice; send it once");
    }
    PREDICTD_RETURN_IF_ERROR(CheckInput(layouts[position], input));
    matched.inputs[position] = &input;
  }
  for (size_t i = 0; i < layouts.size(); ++i) {
    if (matched.inputs[i] == nullptr) {
      return Invalid("inputs", layouts[i].name,
                     absl::StrCat("is missing; the model's inputs are: ", Names(layouts)));
    }
  }
  const int64_t rows = matched.inputs[0]->shape[0];
  for (const InputTensor* input : matched.inputs) {
    if (input->shape[0] == rows) continue;
    return Invalid("inputs", input->name,
                   absl::StrCat("has ", input->shape[0], " rows, '", matched.inputs[0]->name,
                                "' has ", rows, "; all inputs need the same number"));
  }
  if (rows > std::numeric_limits<int>::max()) {
    return Invalid("inputs", layouts[0].name, absl::StrCat("has ", rows, " rows: too many"));
  }
  matched.rows = static_cast<int>(rows);
  return absl::OkStatus();
}

absl::Status MatchOutputs(const std::vector<TensorLayout>& layouts, const InferRequest& request,
                          MatchedTensors& matched) {
  for (const absl::string_view name : request.outputs) {
    const int position = Find(layouts, name);
    if (position < 0) {
      return Invalid("outputs", name,
                     absl::StrCat("is no output of the model; its outputs are: ", Names(layouts)));
    }
    if (std::count(matched.outputs.begin(), matched.outputs.end(), position) > 0) {
      return Invalid("outputs", name, "is asked for twice; ask for it once");
    }
    matched.outputs.push_back(position);
  }
  if (!request.outputs.empty()) return absl::OkStatus();
  for (size_t i = 0; i < layouts.size(); ++i) matched.outputs.push_back(static_cast<int>(i));
  return absl::OkStatus();
}

}  // namespace

bool RowIsFinite(const MatchedTensors& tensors, int row) {
  return std::all_of(tensors.inputs.begin(), tensors.inputs.end(), [&](const InputTensor* input) {
    const size_t width = input->bytes.size() / tensors.rows;
    return AllFinite(input->bytes.data() + row * width, input->datatype,
                     width / DatatypeSize(input->datatype));
  });
}

absl::StatusOr<MatchedTensors> MatchTensors(const batching::LaneOptions& lane,
                                            const InferRequest& request) {
  MatchedTensors matched;
  PREDICTD_RETURN_IF_ERROR(MatchInputs(lane.inputs, request, matched));
  PREDICTD_RETURN_IF_ERROR(MatchOutputs(lane.outputs, request, matched));
  return matched;
}

}  // namespace predictd::predict
