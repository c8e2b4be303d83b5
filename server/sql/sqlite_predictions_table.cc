#include "server/sql/sqlite_predictions_table.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/sql/prediction_columns.h"
#include "server/sql/sqlite_columns.h"

namespace predictd {
namespace {

bool IsOurs(absl::string_view column) {
  for (const absl::string_view name : kPredictionColumns) {
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
  for (const absl::string_view name : kPredictionColumns) {
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

}  // namespace

absl::Status PreparePredictionsFile(SqliteConnection& connection) {
  // Of a new file. A row of twenty features has half a kilobyte. CPU per row against pages of 4 KB,
  // where 1,024, 64 or one is written at once: 0.89, 0.86 and 1.1; pages of 16 KB 0.85, 1.14, 1.25.
  PREDICTD_RETURN_IF_ERROR(connection.Execute("PRAGMA page_size = 8192"));
  PREDICTD_RETURN_IF_ERROR(UseWal(connection));
  PREDICTD_RETURN_IF_ERROR(connection.Execute("PRAGMA synchronous = FULL"));
  // A log that grew while a reader held it is cut again.
  PREDICTD_RETURN_IF_ERROR(connection.Execute("PRAGMA journal_size_limit = 67108864"));
  PREDICTD_RETURN_IF_ERROR(connection.Execute(kCreatePredictionsTable));
  PREDICTD_RETURN_IF_ERROR(CheckShape(connection));
  return connection.Execute(kCreatePredictionsIndex);
}

std::string InsertPredictions(int rows) {
  const std::vector<std::string> parameters(kPredictionColumnCount, "?");
  const std::vector<std::string> values(rows,
                                        absl::StrCat("(", absl::StrJoin(parameters, ", "), ")"));
  return absl::StrCat("INSERT INTO predictions (", absl::StrJoin(kPredictionColumns, ", "),
                      ") VALUES ", absl::StrJoin(values, ", "), " ON CONFLICT DO NOTHING");
}

absl::StatusOr<Prediction> PredictionOf(SqliteStatement& row) {
  PredictionTexts texts;
  for (size_t i = 0; i < texts.size(); ++i) texts[i] = row.Text(static_cast<int>(i));
  return ParsePrediction(texts);
}

}  // namespace predictd
