// A prediction as the nine texts of a row of the table `predictions`.
#ifndef PREDICTD_SERVER_SQL_PREDICTION_COLUMNS_H_
#define PREDICTD_SERVER_SQL_PREDICTION_COLUMNS_H_

#include <array>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/prediction.h"

namespace predictd {

inline constexpr size_t kPredictionColumnCount = 9;

// The columns' names, in the table's order.
inline constexpr std::array<absl::string_view, kPredictionColumnCount> kPredictionColumns = {
    "prediction_id", "idempotency_key", "user_id",        "model",     "version",
    "features",      "outputs",         "feature_origin", "created_at"};

// In the SQL of SQLite and of PostgreSQL.
inline constexpr absl::string_view kCreatePredictionsTable =
    "CREATE TABLE IF NOT EXISTS predictions (prediction_id TEXT PRIMARY KEY, "
    "idempotency_key TEXT, user_id TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, "
    "features TEXT NOT NULL, outputs TEXT NOT NULL, feature_origin TEXT NOT NULL, "
    "created_at TEXT NOT NULL)";
inline constexpr absl::string_view kCreatePredictionsIndex =
    "CREATE UNIQUE INDEX IF NOT EXISTS predictions_idempotency_key ON predictions "
    "(idempotency_key) WHERE idempotency_key <> ''";

using PredictionTexts = std::array<absl::string_view, kPredictionColumnCount>;

// Writes predictions as texts, one after the other. One thread.
class PredictionFormat {
 public:
  // Valid as long as `prediction` and until the next call. `created_at` is RFC 3339, UTC,
  // milliseconds: "2026-01-31T12:00:00.000Z". INVALID_ARGUMENT, naming the prediction, where a
  // value is not finite: JSON cannot hold it.
  absl::StatusOr<PredictionTexts> Format(const Prediction& prediction);

 private:
  std::string features_;
  std::string outputs_;
  // Many predictions are of one millisecond.
  absl::Time created_at_ = absl::InfinitePast();
  std::string created_at_text_;
};

// DATA_LOSS, naming the column, where somebody else wrote something that is no prediction.
absl::StatusOr<Prediction> ParsePrediction(const PredictionTexts& texts);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_PREDICTION_COLUMNS_H_
