// Which columns of a SQLite table are features, and how its rows are looked up.
#ifndef PREDICTD_SERVER_SQL_SQLITE_FEATURE_TABLE_H_
#define PREDICTD_SERVER_SQL_SQLITE_FEATURE_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/sql/sqlite_connection.h"

namespace predictd {

// How SQLite compares the key with what is looked for, from the key's declared type.
enum class SqliteKey {
  kText,     // as texts
  kNumber,   // as numbers where both are
  kUntyped,  // 42 and '42' differ: a row may have either
};

struct SqliteFeatureTable {
  // The key, then the features; one parameter, the key.
  std::string select;
  SqliteKey key = SqliteKey::kUntyped;
  std::vector<std::string> features;
  std::vector<std::string> left_out;  // columns that are neither numeric nor boolean
};

// Looks at the table or view. A column without a declared type is judged by its first value.
// INVALID_ARGUMENT names the flag that is wrong and what could be given instead;
// FAILED_PRECONDITION: the file has no table at all yet.
absl::StatusOr<SqliteFeatureTable> DescribeFeatureTable(SqliteConnection& connection,
                                                        absl::string_view table,
                                                        absl::string_view key_column);

// True where each lookup reads the whole table, because no index serves it.
absl::StatusOr<bool> ScansWholeTable(SqliteConnection& connection, absl::string_view select);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_FEATURE_TABLE_H_
