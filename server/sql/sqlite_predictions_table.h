// The table `predictions`: its columns, and whether a file has it.
#ifndef PREDICTD_SERVER_SQL_SQLITE_PREDICTIONS_TABLE_H_
#define PREDICTD_SERVER_SQL_SQLITE_PREDICTIONS_TABLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/prediction.h"
#include "server/sql/sqlite_connection.h"
#include "server/sql/sqlite_statement.h"

namespace predictd {

// Puts the file into WAL mode and creates the table where it is missing. FAILED_PRECONDITION where
// there is a table or view of that name and another shape.
absl::Status PreparePredictionsFile(SqliteConnection& connection);

// A statement for so many rows. Its parameters are theirs one after the other; they and the columns
// of kSelectPrediction are in the table's order.
std::string InsertPredictions(int rows);
// Under which prediction_id the one with this idempotency_key, or with this prediction_id, stands.
// The condition that is always true lets SQLite take the partial index.
inline constexpr absl::string_view kSelectStandingOne =
    "SELECT prediction_id FROM predictions "
    "WHERE (idempotency_key = ?1 AND idempotency_key <> '') OR prediction_id = ?2";
inline constexpr absl::string_view kSelectPrediction =
    "SELECT prediction_id, idempotency_key, user_id, model, version, features, outputs, "
    "feature_origin, created_at FROM predictions WHERE prediction_id = ?1";

// The statement's current row. DATA_LOSS, naming the column, where somebody else wrote something
// that is no prediction.
absl::StatusOr<Prediction> PredictionOf(SqliteStatement& row);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_PREDICTIONS_TABLE_H_
