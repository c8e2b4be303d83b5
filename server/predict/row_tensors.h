// Users' features as the tensors of a model's rows, and its tensors as floats again.
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

// Lives as long as its rows are under way. Where the model takes and gives FP32, the rows' tensors
// are the floats themselves; else copies are converted.
class RowTensors {
 public:
  // `features`: of `rows` rows, one behind the other. `outputs`: OutputsPerRow floats for each row,
  // written tensor by tensor. Both outlive it.
  RowTensors(const batching::LaneOptions& lane, int rows, absl::Span<const float> features,
             absl::Span<float> outputs);
  RowTensors(const RowTensors&) = delete;
  RowTensors& operator=(const RowTensors&) = delete;

  // Points `row` at the tensors; which ones of their rows it is is its `index`.
  void Point(batching::Row& row);

  // Copies what the `row`-th one was given, after it has come back OK, to `to`, which has room for
  // OutputsPerRow and may be `outputs` where there is one row. INTERNAL where a value is beyond the
  // range of FP32.
  absl::Status TakeOutputs(int row, absl::Span<float> to) const;

 private:
  const batching::LaneOptions& lane_;
  const char* input_ = nullptr;
  absl::InlinedVector<char*, 4> output_pointers_;
  std::string converted_input_;
  std::string unconverted_outputs_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_ROW_TENSORS_H_
