// The table `predictions` of a PostgreSQL database: made where it is missing, else checked.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_PREDICTIONS_TABLE_H_
#define PREDICTD_SERVER_SQL_POSTGRES_PREDICTIONS_TABLE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/sql/postgres_session.h"

namespace predictd {

// Creates table and index where they are missing; several servers may do so at once.
// FAILED_PRECONDITION where there is a table or view of that name and another shape,
// PERMISSION_DENIED where it may not be read or written; else the session's error.
absl::Status PreparePredictionsTable(PostgresSession& session, absl::Time deadline);

// Parameters: an array per column, in the table's order.
inline constexpr absl::string_view kInsertPredictions =
    "INSERT INTO predictions (prediction_id, idempotency_key, user_id, model, version, features, "
    "outputs, feature_origin, created_at) SELECT * FROM unnest($1::text[], $2::text[], "
    "$3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) "
    "ON CONFLICT DO NOTHING";
// Parameters: the ids and the keys that are looked for. The condition that every key fulfils lets
// PostgreSQL take the partial index.
inline constexpr absl::string_view kSelectStanding =
    "SELECT prediction_id, idempotency_key FROM predictions WHERE prediction_id = ANY($1::text[]) "
    "UNION ALL SELECT prediction_id, idempotency_key FROM predictions "
    "WHERE idempotency_key = ANY($2::text[]) AND idempotency_key <> ''";
inline constexpr absl::string_view kSelectPredictionById =
    "SELECT prediction_id, idempotency_key, user_id, model, version, features, outputs, "
    "feature_origin, created_at FROM predictions WHERE prediction_id = $1::text";

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_PREDICTIONS_TABLE_H_
