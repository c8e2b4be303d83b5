// What tables a SQLite file has and what their columns are.
#ifndef PREDICTD_SERVER_SQL_SQLITE_COLUMNS_H_
#define PREDICTD_SERVER_SQL_SQLITE_COLUMNS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/sql/sqlite_connection.h"

namespace predictd {

struct SqliteColumn {
  std::string name;
  std::string declared_type;  // empty where none is declared, as for a view's expressions
  bool not_null = false;
  bool has_default = false;  // or is generated
  bool primary_key = false;
};

// Columns in order, without hidden ones; empty where there is no such table or view.
absl::StatusOr<std::vector<SqliteColumn>> SqliteColumns(SqliteConnection& connection,
                                                        absl::string_view table);

// Names of tables and views.
absl::StatusOr<std::vector<std::string>> SqliteTables(SqliteConnection& connection);

// SQLite compares names of tables and columns this way; null where there is none.
const SqliteColumn* FindSqliteColumn(const std::vector<SqliteColumn>& columns,
                                     absl::string_view name);

// `name` as an SQL identifier. Columns are always written as row."name": SQLite takes a bare "name"
// for a text where there is no such column.
std::string SqliteQuoted(absl::string_view name);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_COLUMNS_H_
