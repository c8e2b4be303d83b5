// What tables a PostgreSQL database has and what their columns are.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_CATALOG_H_
#define PREDICTD_SERVER_SQL_POSTGRES_CATALOG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/sql/libpq_handle.h"

namespace predictd {

struct RelationColumn {
  std::string name;
  std::string type;  // as the user knows it
  Oid base_type;     // beneath a domain
  bool indexed;      // first in some index, or of a view
};

struct PostgresRelation {
  std::string name;  // qualified and quoted
  std::vector<RelationColumn> columns;
};

// Blocking until `deadline`; errors as RunPostgres has them. `table`: a table or view, "name" or
// "schema.name"; no columns where there is none.
absl::StatusOr<PostgresRelation> FindPostgresRelation(PGconn* session, absl::string_view table,
                                                      absl::Time deadline);

// Names of tables and views, of thirty at most, without the system's, those of extensions, and our
// own table of predictions.
absl::StatusOr<std::vector<std::string>> PostgresTables(PGconn* session, absl::Time deadline);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_CATALOG_H_
