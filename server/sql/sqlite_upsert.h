// How users' rows are written to a table of a SQLite file.
#ifndef PREDICTD_SERVER_SQL_SQLITE_UPSERT_H_
#define PREDICTD_SERVER_SQL_SQLITE_UPSERT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/sql/feature_column.h"
#include "server/sql/sqlite_connection.h"
#include "server/sql/sqlite_feature_table.h"

namespace predictd {

struct SqliteUpsert {
  // Parameters: the key, then the features named. It changes one row, or none where the table holds
  // the user id for another one or `update_only` meets a new user.
  std::string sql;
  // The table needs a value for this column, which was not named: only rows that are there can be
  // written. Empty: all can.
  std::string needed_column;
  std::vector<FeatureColumn> columns;
  SqliteKey key = SqliteKey::kText;
  bool integer_key = false;  // nothing else
  // Kind kUntyped: finds a row whose key is a number.
  std::string select_number;
};

// Looks at the table, which is created where there is none. Errors as of FeatureSink::Write.
absl::StatusOr<SqliteUpsert> PlanSqliteUpsert(SqliteConnection& connection, absl::string_view table,
                                              absl::string_view key_column,
                                              absl::Span<const std::string> names);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_UPSERT_H_
