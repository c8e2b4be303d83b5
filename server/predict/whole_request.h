// A request of shapes that fit no batch, run by itself.
#ifndef PREDICTD_SERVER_PREDICT_WHOLE_REQUEST_H_
#define PREDICTD_SERVER_PREDICT_WHOLE_REQUEST_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "server/batching/lane.h"
#include "server/model/model.h"
#include "server/predict/tensor_match.h"

namespace predictd::predict {

// Blocks: for a worker. Runs at most lane.max_batch rows at a time and puts the outputs, one per
// output of the model, together again. INTERNAL with the model's message, or for NaN or infinity;
// INVALID_ARGUMENT as soon as they take more than `max_bytes`.
absl::Status RunWholeRequest(const model::Model& model, const batching::LaneOptions& lane,
                             const MatchedTensors& request, size_t max_bytes,
                             std::vector<TensorValue>& outputs);

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_WHOLE_REQUEST_H_
