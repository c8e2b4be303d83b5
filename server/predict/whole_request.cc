#include "server/predict/whole_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/predict/answer_size.h"

namespace predictd::predict {
namespace {

TensorView Slice(const InputTensor& input, int begin, int count, int rows) {
  const size_t width = input.bytes.size() / rows;
  TensorView view{input.datatype, input.shape, input.bytes.substr(begin * width, count * width)};
  view.shape[0] = count;
  return view;
}

// The rows of `piece` behind those of `all`.
absl::Status Append(const TensorLayout& layout, TensorValue piece, TensorValue& all) {
  const size_t count = piece.bytes.size() / DatatypeSize(layout.datatype);
  if (!AllFinite(piece.bytes.data(), layout.datatype, count)) {
    return absl::InternalError(absl::StrCat("gave NaN or infinity in output '", layout.name, "'"));
  }
  if (all.shape.empty()) {
    all = std::move(piece);
    return absl::OkStatus();
  }
  if (!std::equal(all.shape.begin() + 1, all.shape.end(), piece.shape.begin() + 1,
                  piece.shape.end())) {
    return absl::InternalError(absl::StrCat("gave other sizes of output '", layout.name,
                                            "' for other rows; send fewer rows at once"));
  }
  all.shape[0] += piece.shape[0];
  all.bytes += piece.bytes;
  return absl::OkStatus();
}

}  // namespace

absl::Status RunWholeRequest(const model::Model& model, const batching::LaneOptions& lane,
                             const MatchedTensors& request, size_t max_bytes,
                             std::vector<TensorValue>& outputs) {
  outputs.assign(lane.outputs.size(), {});
  size_t bytes = 0;
  for (int begin = 0; begin < request.rows; begin += lane.max_batch) {
    const int count = std::min(lane.max_batch, request.rows - begin);
    std::vector<TensorView> inputs;
    for (const InputTensor* input : request.inputs) {
      inputs.push_back(Slice(*input, begin, count, request.rows));
    }
    absl::StatusOr<std::vector<TensorValue>> values = model.RunShapes(inputs);
    if (!values.ok()) return values.status();
    for (const TensorValue& value : *values) bytes += value.bytes.size();
    PREDICTD_RETURN_IF_ERROR(CheckAnswerSize("inputs", begin + count, bytes, max_bytes));
    for (size_t i = 0; i < values->size(); ++i) {
      PREDICTD_RETURN_IF_ERROR(Append(lane.outputs[i], std::move((*values)[i]), outputs[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace predictd::predict
