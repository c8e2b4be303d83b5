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
#include "server/sql/postgres_types.h"

namespace predictd {

struct PostgresUpsert {
  // Parameters: an array of the keys as texts, then one of doubles per feature named.
  std::string sql;
  // Not empty: `sql` returns the key of each row that was written, and this is what is wrong with
  // the others.
  std::string refusal;
  std::vector<FeatureColumn> columns;
  PostgresKey key = PostgresKey::kText;
  int key_bytes = 0;  // of an integer key
};

// Looks at the table, which is created where there is none. Errors as of FeatureSink::Write.
absl::StatusOr<PostgresUpsert> PlanPostgresUpsert(PostgresSession& session, absl::string_view table,
                                                  absl::string_view key_column,
                                                  absl::Span<const std::string> names,
                                                  absl::Time deadline);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_UPSERT_H_
