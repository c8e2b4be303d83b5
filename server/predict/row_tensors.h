// One user's features as the tensors of a model's row, and its tensors as floats again.
#ifndef PREDICTD_SERVER_PREDICT_ROW_TENSORS_H_
#define PREDICTD_SERVER_PREDICT_ROW_TENSORS_H_

#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/batching/lane.h"
#include "server/batching/row.h"

namespace predictd::predict {

// Outputs of one row of all tensors together: floats in an answer.
int OutputsPerRow(const batching::LaneOptions& lane);

// Lives as long as the row is under way. Where the model takes and gives FP32, the row's tensors
// are the floats themselves; else copies are converted.
class RowTensors {
 public:
  // Points `row` at `features` and `outputs`, which outlive it; `outputs` has OutputsPerRow floats.
  RowTensors(const batching::LaneOptions& lane, absl::Span<const float> features,
             absl::Span<float> outputs, batching::Row& row);
  RowTensors(const RowTensors&) = delete;
  RowTensors& operator=(const RowTensors&) = delete;

  // After the row has come back OK. INTERNAL where a value is beyond the range of FP32.
  absl::Status TakeOutputs();

 private:
  const batching::LaneOptions& lane_;
  const absl::Span<float> outputs_;
  const char* input_ = nullptr;
  absl::InlinedVector<char*, 4> output_pointers_;
  std::string converted_input_;
  std::string unconverted_outputs_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_ROW_TENSORS_H_
