// What a request's tensors are to the model it names.
#ifndef PREDICTD_SERVER_PREDICT_TENSOR_MATCH_H_
#define PREDICTD_SERVER_PREDICT_TENSOR_MATCH_H_

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "server/batching/lane.h"
#include "server/predict/infer_request.h"

namespace predictd::predict {

struct MatchedTensors {
  // One per input of the model, in signature order; of the request.
  absl::InlinedVector<const InputTensor*, 4> inputs;
  // Positions in the signature of the outputs that are wanted, in the order wanted.
  absl::InlinedVector<int, 4> outputs;
  int rows = 0;  // at least 1
};

// Whether the `row`-th row holds neither NaN nor infinity.
bool RowIsFinite(const MatchedTensors& tensors, int row);

// Checks names, datatypes, shapes and lengths. INVALID_ARGUMENT names the tensor and what the model
// takes.
absl::StatusOr<MatchedTensors> MatchTensors(const batching::LaneOptions& lane,
                                            const InferRequest& request);

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_TENSOR_MATCH_H_
