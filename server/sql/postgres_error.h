// What PostgreSQL's errors mean, and how they are shown.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_ERROR_H_
#define PREDICTD_SERVER_SQL_POSTGRES_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace predictd {

// Of an SQLSTATE (PostgreSQL 15, appendix A):
//   INVALID_ARGUMENT    a constraint, a type or a size refuses what was written
//   DEADLINE_EXCEEDED   the statement ran, or waited for a lock, until its time-out
//   ABORTED             a deadlock or a conflict of transactions; again may work
//   PERMISSION_DENIED   the server refuses the user, or what the user may do
//   NOT_FOUND           no such database
//   UNAVAILABLE         the server cannot do it now (shutting down, disk full, read-only, ...)
//   INTERNAL            everything else, such as a table or column that is not there
absl::StatusCode PostgresErrorCode(absl::string_view sqlstate);

// What libpq says about a connection that could not be made, as one line. libpq's verbosity must be
// PQERRORS_VERBOSE: only so does it tell the SQLSTATE. UNAVAILABLE where the server did not answer.
absl::Status PostgresConnectError(absl::string_view message);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_ERROR_H_
