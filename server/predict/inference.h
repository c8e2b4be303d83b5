// Tensors in, tensors out: the line of a request that brings its own tensors.
#ifndef PREDICTD_SERVER_PREDICT_INFERENCE_H_
#define PREDICTD_SERVER_PREDICT_INFERENCE_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/metrics.h"
#include "server/batching/turn_batches.h"
#include "server/predict/infer_request.h"
#include "server/predict/request.h"
#include "server/repository/catalog.h"

namespace predictd::predict {

struct InferAnswer {
  repository::VersionHandle version;
  std::vector<OutputTensor> outputs;  // as requested, else in signature order
  StageTimes times;
};

struct MatchedTensors;

// One per loop; loop's thread only. Outlives its tasks.
class Inference {
 public:
  // `max_answer`: most bytes of a request's outputs, those of the model that it did not ask for
  // included.
  Inference(Loop& loop, const repository::Catalog& catalog, batching::TurnBatches& batches,
            Metrics& metrics, size_t max_answer)
      : loop_(loop),
        catalog_(catalog),
        batches_(batches),
        metrics_(metrics),
        max_answer_(max_answer) {}

  // Runs the rows of a request, together with those of others. All or nothing: a row that fails
  // fails the request. INVALID_ARGUMENT names the tensor, or says that the answer is too large; the
  // rest as in Catalog::Find and TurnBatches::Add. `request` and `call` outlive the task.
  Task<absl::StatusOr<InferAnswer>> Infer(const InferRequest& request, const CallContext& call);

 private:
  Task<absl::Status> Run(const InferRequest& request, const CallContext& call, InferAnswer& answer);
  // Rows that share batches with others'. `deadline`: the request's, not after the call's.
  Task<absl::Status> RunRows(const MatchedTensors& matched, const CallContext& call,
                             absl::Time deadline, InferAnswer& answer);
  // A request of shapes of its own.
  Task<absl::Status> RunWhole(const MatchedTensors& matched, const CallContext& call,
                              absl::Time deadline, InferAnswer& answer);

  Loop& loop_;
  const repository::Catalog& catalog_;
  batching::TurnBatches& batches_;
  Metrics& metrics_;
  const size_t max_answer_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_INFERENCE_H_
