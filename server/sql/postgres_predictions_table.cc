#include "server/sql/postgres_predictions_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/postgres_table_columns.h"
#include "server/sql/prediction_columns.h"

namespace predictd {
namespace {

// Any number, as long as every predictd takes the same: IF NOT EXISTS alone does not keep two that
// create at the same moment from failing.
constexpr absl::string_view kLockOutOthers = "SELECT pg_advisory_xact_lock(7293115086400971)";

absl::Status OtherShape(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("table 'predictions' ", what));
}

bool IsOurs(absl::string_view column) {
  return std::find(kPredictionColumns.begin(), kPredictionColumns.end(), column) !=
         kPredictionColumns.end();
}

bool IsUnique(const PostgresTable& table, absl::string_view column, absl::string_view condition) {
  return std::any_of(table.unique_indexes.begin(), table.unique_indexes.end(),
                     [&](const PostgresUniqueIndex& index) {
                       return index.column == column && index.condition == condition;
                     });
}

bool HasKeyIndex(const PostgresTable& table) {
  // As the server writes it of a column that is TEXT, and of one that is VARCHAR.
  return IsUnique(table, "idempotency_key", "(idempotency_key <> ''::text)") ||
         IsUnique(table, "idempotency_key", "((idempotency_key)::text <> ''::text)");
}

absl::Status CheckShape(const PostgresTable& table) {
  if (!table.is_table) return OtherShape("is a view or a foreign table");
  for (const absl::string_view name : kPredictionColumns) {
    const PostgresColumn* const column = FindPostgresColumn(table, name);
    if (column == nullptr) return OtherShape(absl::StrCat("has no column '", name, "'"));
    if (!column->is_text) {
      return OtherShape(absl::StrCat("has a column '", name, "' of type ", column->declared_type,
                                     " instead of text"));
    }
  }
  if (!IsUnique(table, "prediction_id", "")) {
    return OtherShape("does not have 'prediction_id' as its primary key");
  }
  for (const PostgresColumn& column : table.columns) {
    if (column.not_null && !column.has_default && !IsOurs(column.name)) {
      return OtherShape(absl::StrCat("needs a value for column '", column.name, "'"));
    }
  }
  if (!table.may_insert || !table.may_select) {
    return absl::PermissionDeniedError(
        absl::StrCat("the user may not ", table.may_insert ? "SELECT from" : "INSERT into",
                     " table 'predictions'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PreparePredictionsTable(PostgresSession& session, absl::Time deadline) {
  auto table = DescribePostgresTable(session, "predictions", deadline);
  PREDICTD_RETURN_IF_ERROR(table.status());
  if (*table) PREDICTD_RETURN_IF_ERROR(CheckShape(**table));
  if (*table && HasKeyIndex(**table)) return absl::OkStatus();

  std::vector<PostgresStatement> create = {{std::string(kLockOutOthers)}};
  if (!*table) create.push_back({std::string(kCreatePredictionsTable)});
  create.push_back({std::string(kCreatePredictionsIndex)});
  const absl::Status created = session.Transact(create, deadline).status();
  if (session.broken()) return created;
  // Where somebody else was faster, theirs is as good.
  table = DescribePostgresTable(session, "predictions", deadline);
  PREDICTD_RETURN_IF_ERROR(table.status());
  if (*table && HasKeyIndex(**table)) return CheckShape(**table);
  // Not INVALID_ARGUMENT: no prediction is at fault.
  if (absl::IsInvalidArgument(created)) return absl::FailedPreconditionError(created.message());
  return created.ok() ? OtherShape("cannot be found where it was created") : created;
}

}  // namespace predictd
