// Sessions with a PostgreSQL server and their results, owned; and what may block: connecting, and
// running a statement to its end.
#ifndef PREDICTD_SERVER_SQL_LIBPQ_HANDLE_H_
#define PREDICTD_SERVER_SQL_LIBPQ_HANDLE_H_

#include <libpq-fe.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/sql/postgres_options.h"

namespace predictd {

struct PostgresDeleter {
  void operator()(PGconn* session) const { PQfinish(session); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using LibpqSession = std::unique_ptr<PGconn, PostgresDeleter>;  // one thread at a time
using LibpqResult = std::unique_ptr<PGresult, PostgresDeleter>;

// Waits until the session's socket is ready for `events` (poll's). False at `deadline` (clock's
// Now). A socket that is gone is ready: libpq's next call says so.
bool WaitForSocket(const PGconn* session, short events, absl::Time deadline, const Clock& clock);

// Connects, waiting until `deadline` (clock's Now) at most, but for the look-up of the host's name,
// which nothing bounds. Of several hosts `attempt` says which is the first, so that one that hangs
// need not be it every time. Errors as PostgresConnectError, and DEADLINE_EXCEEDED without answer.
absl::StatusOr<LibpqSession> ConnectPostgres(const PostgresOptions& options, size_t attempt,
                                             absl::Time deadline, const Clock& clock);

// Connects for reading until `deadline` (SystemClock's Now). `statement_timeout`: what the server
// may work on one statement of the session. Errors as ConnectPostgres and RunPostgres.
absl::StatusOr<LibpqSession> OpenPostgres(const PostgresOptions& options, size_t attempt,
                                          absl::Duration statement_timeout, absl::Time deadline);

// Runs one statement that writes nothing, waiting until `deadline` (SystemClock's Now) at most;
// afterwards a session that is late is of no more use. Errors: DEADLINE_EXCEEDED, UNAVAILABLE (the
// connection is lost), else as PostgresReadError.
absl::StatusOr<LibpqResult> RunPostgres(PGconn* session, const std::string& sql,
                                        absl::Span<const std::string> parameters,
                                        absl::Time deadline);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_LIBPQ_HANDLE_H_
