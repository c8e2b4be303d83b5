// One batch to the store, without one prediction that it refuses failing the others.
#ifndef PREDICTD_SERVER_SAVE_BATCH_WRITE_H_
#define PREDICTD_SERVER_SAVE_BATCH_WRITE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/metrics.h"
#include "server/base/prediction.h"
#include "server/sql/prediction_store.h"

namespace predictd::save {

struct BatchResult {
  // What became of the first of the batch, in order: the id under which each stands, or
  // INVALID_ARGUMENT where the store refuses it for ever.
  std::vector<absl::StatusOr<std::string>> settled;
  // Why the rest, if any, is not saved: the store failed, which may pass.
  absl::Status failure;
};

// Blocking. All in one transaction; where the store refuses that as invalid, each half in its own,
// and so on. Counts failed attempts.
BatchResult WriteBatch(PredictionStore& store, Metrics& metrics,
                       absl::Span<const Prediction* const> batch);

}  // namespace predictd::save

#endif  // PREDICTD_SERVER_SAVE_BATCH_WRITE_H_
