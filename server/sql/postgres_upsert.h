// How users' rows are written to a table of PostgreSQL.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_UPSERT_H_
#define PREDICTD_SERVER_SQL_POSTGRES_UPSERT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/sql/feature_column.h"
#include "server/sql/postgres_session.h"

namespace predictd {

struct PostgresUpsert {
  // Parameters: an array of the keys as texts, then one of doubles per feature named. Returns the
  // position, counted from 1, of each row that was written.
  std::string sql;
  // The table needs a value for this column, which was not named: only rows that are there can be
  // written. Empty: all can.
  std::string needed_column;
  std::vector<FeatureColumn> columns;
  int key_bytes = 0;  // of an integer key; 0 = the key is a text
};

// Looks at the table, which is created where there is none. Errors as of FeatureSink::Write.
absl::StatusOr<PostgresUpsert> PlanPostgresUpsert(PostgresSession& session, absl::string_view table,
                                                  absl::string_view key_column,
                                                  absl::Span<const std::string> names,
                                                  absl::Time deadline);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_UPSERT_H_
