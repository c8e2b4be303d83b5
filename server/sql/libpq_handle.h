// Sessions with a PostgreSQL server and their results, owned; and what may block: connecting, and
// running a statement to its end.
#ifndef PREDICTD_SERVER_SQL_LIBPQ_HANDLE_H_
#define PREDICTD_SERVER_SQL_LIBPQ_HANDLE_H_

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/sql/postgres_options.h"

namespace predictd {

struct PostgresDeleter {
  void operator()(PGconn* session) const { PQfinish(session); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using LibpqSession = std::unique_ptr<PGconn, PostgresDeleter>;  // one thread at a time
using LibpqResult = std::unique_ptr<PGresult, PostgresDeleter>;

// Connects, waiting until `deadline` (SystemClock's Now) at most, but for the look-up of the host's
// name, which nothing bounds. `statement_timeout`: what the server may work on one statement of the
// session. Of several hosts `attempt` says which is the first, so that one that hangs need not be
// it every time. Errors:
//   UNAVAILABLE        nobody there, or the server takes no connections now
//   DEADLINE_EXCEEDED  no answer
//   PERMISSION_DENIED  the server refuses this user, password or client
//   NOT_FOUND          there is no such database
//   DATA_LOSS          what answers is no PostgreSQL
absl::StatusOr<LibpqSession> OpenPostgres(const PostgresOptions& options, size_t attempt,
                                          absl::Duration statement_timeout, absl::Time deadline);

// Runs one statement, waiting until `deadline` at most; afterwards a session that is late is of no
// more use. Errors: DEADLINE_EXCEEDED, UNAVAILABLE (the connection is lost), else as
// PostgresError.
absl::StatusOr<LibpqResult> RunPostgres(PGconn* session, const std::string& sql,
                                        absl::Span<const std::string> parameters,
                                        absl::Time deadline);

// SQLSTATE of a failed statement (PostgreSQL 15, appendix A), "" where the server sent none.
absl::string_view SqlState(const PGresult* result);

// A failed statement: UNAVAILABLE where the server ends the session, PERMISSION_DENIED,
// DEADLINE_EXCEEDED (statement_timeout), else INTERNAL.
absl::Status PostgresError(const PGresult* result);

// What libpq says of the session, on one line.
std::string PostgresMessage(const PGconn* session);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_LIBPQ_HANDLE_H_
