// What PostgreSQL's errors mean, and how they are shown.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_ERROR_H_
#define PREDICTD_SERVER_SQL_POSTGRES_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct pg_conn;
struct pg_result;

namespace predictd {

// SQLSTATE of a failed statement (PostgreSQL 15, appendix A), "" where the server sent none.
absl::string_view SqlState(const pg_result* result);

// Of an SQLSTATE:
//   INVALID_ARGUMENT    a constraint, a type or a size refuses what was written
//   DEADLINE_EXCEEDED   the statement ran, or waited for a lock, until its time-out
//   ABORTED             a deadlock or a conflict of transactions; again may work
//   PERMISSION_DENIED   the server refuses the user, or what the user may do
//   NOT_FOUND           no such database
//   UNAVAILABLE         the server cannot do it now (shutting down, disk full, read-only, ...)
//   INTERNAL            everything else, such as a table or column that is not there
absl::StatusCode PostgresErrorCode(absl::string_view sqlstate);

// A failed statement, one line; UNAVAILABLE without an SQLSTATE: then libpq says it, of the
// connection. The server's detail is left out: it may show a user's row.
absl::Status PostgresError(const pg_result* result);
// The same of a statement that writes nothing: its data is at fault, not what was given to write,
// so INTERNAL instead of INVALID_ARGUMENT.
absl::Status PostgresReadError(const pg_result* result);

// With this failure the server, or libpq, has ended the session. Its code alone does not say so: a
// statement may fail by a connection that the server itself has made, and lost.
bool EndsSession(const pg_result* result);

// Why a connection could not be made, one line. libpq's verbosity must have been PQERRORS_VERBOSE:
// only so does it tell the SQLSTATE.
//   UNAVAILABLE        nobody there, or the server takes no connections now
//   PERMISSION_DENIED  the server refuses this user, password or client
//   NOT_FOUND          there is no such database
//   DATA_LOSS          what answers is no PostgreSQL
absl::Status PostgresConnectError(const pg_conn* session);
// What the user can do about that, after "; ", or "".
absl::string_view PostgresConnectRemedy(const absl::Status& error);

// What libpq says of the session, one line.
std::string PostgresMessage(const pg_conn* session);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_ERROR_H_
