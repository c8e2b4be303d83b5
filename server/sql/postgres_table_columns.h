// What a table of PostgreSQL is, what its columns are and which of them are unique.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_TABLE_COLUMNS_H_
#define PREDICTD_SERVER_SQL_POSTGRES_TABLE_COLUMNS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/sql/postgres_session.h"

namespace predictd {

struct PostgresColumn {
  std::string name;
  std::string declared_type;  // "numeric(8,2)"
  Oid base_type = 0;          // beneath a domain
  bool is_text = false;       // of any type that a text can be assigned to
  bool not_null = false;
  bool has_default = false;  // or is generated
  bool generated = false;    // only the server writes it
};

// Of one column; several columns, expressions and deferred constraints are not among them.
struct PostgresUniqueIndex {
  std::string column;
  std::string condition;  // empty = none
};

struct PostgresTable {
  std::string sql_name;   // quoted, and with its schema where that is needed
  bool is_table = false;  // not a view or a foreign table
  bool may_select = false;
  bool may_insert = false;
  std::vector<PostgresColumn> columns;
  std::vector<PostgresUniqueIndex> unique_indexes;
};

// Nothing where there is none. A `name` with a dot is schema.table; where there is no such table,
// the dot is part of its name.
absl::StatusOr<std::optional<PostgresTable>> DescribePostgresTable(PostgresSession& session,
                                                                   absl::string_view name,
                                                                   absl::Time deadline);

// Null where there is none.
const PostgresColumn* FindPostgresColumn(const PostgresTable& table, absl::string_view name);

// `name` as an SQL identifier.
std::string PostgresQuoted(absl::string_view name);
// "schema.table" with each part quoted; without a dot one identifier.
std::string PostgresQuotedPath(absl::string_view name);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_TABLE_COLUMNS_H_
