#include "server/sql/postgres_result.h"

#include <libpq-fe.h>

#include "absl/strings/numbers.h"

namespace predictd {

void PostgresResult::Clear::operator()(pg_result* result) const { PQclear(result); }

int PostgresResult::rows() const { return PQntuples(result_.get()); }

absl::string_view PostgresResult::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

int64_t PostgresResult::changed() const {
  int64_t rows = 0;
  // Empty for a statement that changes no rows.
  return absl::SimpleAtoi(PQcmdTuples(result_.get()), &rows) ? rows : 0;
}

}  // namespace predictd
