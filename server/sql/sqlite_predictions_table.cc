#include "server/sql/sqlite_predictions_table.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/sql/prediction_json.h"
#include "server/sql/sqlite_columns.h"

namespace predictd {
namespace {

constexpr absl::string_view kCreateTable =
    "CREATE TABLE IF NOT EXISTS predictions (prediction_id TEXT PRIMARY KEY, "
    "idempotency_key TEXT, user_id TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, "
    "features TEXT NOT NULL, outputs TEXT NOT NULL, feature_origin TEXT NOT NULL, "
    "created_at TEXT NOT NULL)";
constexpr absl::string_view kCreateIndex =
    "CREATE UNIQUE INDEX IF NOT EXISTS predictions_idempotency_key ON predictions "
    "(idempotency_key) WHERE idempotency_key <> ''";
constexpr absl::string_view kColumns[] = {"prediction_id", "idempotency_key", "user_id",
                                          "model",         "version",         "features",
                                          "outputs",       "feature_origin",  "created_at"};

bool IsOurs(absl::string_view column) {
  for (const absl::string_view name : kColumns) {
    if (name == column) return true;
  }
  return false;
}

absl::Status OtherShape(const SqliteConnection& connection, absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("table 'predictions' in '", connection.path(), "' ", what));
}

absl::Status CheckShape(SqliteConnection& connection) {
  const auto columns = SqliteColumns(connection, "predictions");
  PREDICTD_RETURN_IF_ERROR(columns.status());
  for (const absl::string_view name : kColumns) {
    if (FindSqliteColumn(*columns, name) == nullptr) {
      return OtherShape(connection, absl::StrCat("has no column '", name, "'"));
    }
  }
  if (!FindSqliteColumn(*columns, "prediction_id")->primary_key) {
    return OtherShape(connection, "does not have 'prediction_id' as its primary key");
  }
  for (const SqliteColumn& column : *columns) {
    if (column.not_null && !column.has_default && !IsOurs(column.name)) {
      return OtherShape(connection, absl::StrCat("needs a value for column '", column.name, "'"));
    }
  }
  return absl::OkStatus();
}

absl::Status UseWal(SqliteConnection& connection) {
  auto pragma = connection.Prepare("PRAGMA journal_mode = WAL");
  PREDICTD_RETURN_IF_ERROR(pragma.status());
  const auto row = pragma->Step();
  PREDICTD_RETURN_IF_ERROR(row.status());
  if (*row && pragma->Text(0) == "wal") return absl::OkStatus();
  // Without shared memory, as on network file systems: slower, but as safe.
  Log(LogLevel::kWarning, "the file of predictions cannot have a write-ahead log",
      {{"file", connection.path()}, {"journal_mode", pragma->Text(0)}});
  return absl::OkStatus();
}

absl::Status Unreadable(absl::string_view id, absl::string_view column, absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat("prediction '", id, "' has a column '", column, "' that cannot be read: ", why));
}

}  // namespace

absl::Status PreparePredictionsFile(SqliteConnection& connection) {
  PREDICTD_RETURN_IF_ERROR(UseWal(connection));
  PREDICTD_RETURN_IF_ERROR(connection.Execute("PRAGMA synchronous = FULL"));
  // A log that grew while a reader held it is cut again.
  PREDICTD_RETURN_IF_ERROR(connection.Execute("PRAGMA journal_size_limit = 67108864"));
  PREDICTD_RETURN_IF_ERROR(connection.Execute(kCreateTable));
  PREDICTD_RETURN_IF_ERROR(CheckShape(connection));
  return connection.Execute(kCreateIndex);
}

std::string FormatCreatedAt(absl::Time created_at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", created_at, absl::UTCTimeZone());
}

absl::StatusOr<Prediction> PredictionOf(SqliteStatement& row) {
  Prediction prediction;
  prediction.prediction_id = std::string(row.Text(0));
  prediction.idempotency_key = std::string(row.Text(1));
  prediction.user_id = std::string(row.Text(2));
  prediction.model = std::string(row.Text(3));
  prediction.version = std::string(row.Text(4));
  auto features = ParseFeaturesJson(row.Text(5));
  if (!features.ok()) {
    return Unreadable(prediction.prediction_id, "features", features.status().message());
  }
  prediction.schema = std::make_shared<const Schema>(std::move(features->names));
  prediction.features = std::move(features->values);
  auto outputs = ParseOutputsJson(row.Text(6));
  if (!outputs.ok()) {
    return Unreadable(prediction.prediction_id, "outputs", outputs.status().message());
  }
  prediction.outputs = *std::move(outputs);
  prediction.feature_origin = ParseFeatureOrigin(row.Text(7));
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, row.Text(8), &prediction.created_at, &error)) {
    return Unreadable(prediction.prediction_id, "created_at", error);
  }
  return prediction;
}

}  // namespace predictd
