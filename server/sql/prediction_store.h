// Where predictions are saved: the table `predictions` of a database.
#ifndef PREDICTD_SERVER_SQL_PREDICTION_STORE_H_
#define PREDICTD_SERVER_SQL_PREDICTION_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/prediction.h"

namespace predictd {

// Blocking: called on save::Writer's threads, never on a loop. Write and Find may be called at the
// same time, each by one thread at a time.
class PredictionStore {
 public:
  virtual ~PredictionStore() = default;

  // Saves all of them in one transaction, durably when it returns, or none. Per prediction, in
  // order, the prediction_id under which it stands: its own, or that of an earlier one with the
  // same idempotency_key, which is then left as it was. Repeating a write that had succeeded
  // changes nothing. INVALID_ARGUMENT where one of them can never be saved, whatever the store's
  // state (the others may be); any other error is the store's, naming it, and may pass.
  virtual absl::StatusOr<std::vector<std::string>> Write(
      absl::Span<const Prediction* const> predictions) = 0;

  // Nothing for an unknown id.
  virtual absl::StatusOr<std::optional<Prediction>> Find(absl::string_view prediction_id) = 0;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_PREDICTION_STORE_H_
