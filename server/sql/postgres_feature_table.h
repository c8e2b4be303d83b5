// Which columns of a PostgreSQL table are features, and how its rows are looked up.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_FEATURE_TABLE_H_
#define PREDICTD_SERVER_SQL_POSTGRES_FEATURE_TABLE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/feature_row.h"
#include "server/base/schema.h"
#include "server/sql/libpq_handle.h"
#include "server/sql/postgres_types.h"

namespace predictd {

// Constant once published; any thread.
struct PostgresFeatureTable {
  // One parameter, the key's text; one value, an array of float8: that spares the server and libpq
  // the description of each column with every row.
  std::string select;
  PostgresKey key = PostgresKey::kText;
  std::shared_ptr<const Schema> schema;
  std::vector<std::string> left_out;  // columns that are neither numeric nor boolean
  bool scans = false;                 // a table whose key no index serves

  // False: no key has this text, so that there is nothing to ask the server.
  bool MayHave(absl::string_view user_id) const { return MayBeKey(key, user_id); }
};

struct PostgresTableName {
  std::string table;  // "users" or "analytics.users"
  std::string key_column;
  std::string database;  // as error messages show it
};

// Looks at the table or view, blocking until `deadline`. Beside the errors of RunPostgres:
//   INVALID_ARGUMENT     no such table, key column or feature: names the flag that is wrong, and
//                        what could be given instead
//   FAILED_PRECONDITION  there is no table at all yet
absl::StatusOr<PostgresFeatureTable> DescribePostgresFeatures(PGconn* session,
                                                              const PostgresTableName& name,
                                                              absl::Time deadline);

// The row that `select` found, in binary format, or nothing. DATA_LOSS for any other result.
absl::StatusOr<std::optional<FeatureRow>> PostgresRow(const PGresult* result,
                                                      const std::shared_ptr<const Schema>& schema,
                                                      absl::Time read_at);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_FEATURE_TABLE_H_
