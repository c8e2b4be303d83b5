// A connection to PostgreSQL for a thread that may block, with a bound on every wait.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_SESSION_H_
#define PREDICTD_SERVER_SQL_POSTGRES_SESSION_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/sql/libpq_handle.h"
#include "server/sql/postgres_options.h"
#include "server/sql/postgres_result.h"

namespace predictd {

struct PostgresStatement {
  std::string sql;
  // $1, $2, ... in PostgreSQL's binary format (a text's is its bytes). Not copied: they live until
  // the transaction has run.
  std::vector<absl::string_view> parameters = {};
};

// One thread at a time, no locks of its own. Blocking, but never beyond the deadline it is given,
// also where the server hangs; only the lookup of a host's name is bounded by the system's resolver
// alone. Errors are those of PostgresErrorCode, one line that names the server.
class PostgresSession {
 public:
  // As ConnectPostgres.
  static absl::StatusOr<std::unique_ptr<PostgresSession>> Connect(const PostgresOptions& server,
                                                                  size_t attempt,
                                                                  absl::Time deadline,
                                                                  const Clock& clock);

  // Runs the statements as one transaction, in one round trip; a result for each. After an error
  // nothing of it was done, unless the session is broken: then the transaction may have been
  // committed. The server gives up a statement at the deadline, too, so that none outlives a client
  // that went away; but not COMMIT, which waits for synchronous standbys as long as it takes.
  absl::StatusOr<std::vector<PostgresResult>> Transact(
      absl::Span<const PostgresStatement> statements, absl::Time deadline);

  // The connection was lost, or an answer did not come: only good for destruction.
  bool broken() const { return broken_; }

  // The server's process that serves it, as libpq was told.
  int backend() const { return PQbackendPID(connection_.get()); }

 private:
  PostgresSession(const PostgresOptions& server, LibpqSession connection, const Clock& clock)
      : name_(server.shown()), clock_(clock), connection_(std::move(connection)) {}

  absl::Status Send(absl::Span<const PostgresStatement> statements, absl::Time deadline);
  absl::StatusOr<std::vector<PostgresResult>> Receive(absl::Time deadline);
  void Rollback(absl::Time deadline);

  // The next of libpq's results; null where the statement has no more.
  absl::StatusOr<PGresult*> Next(absl::Time deadline);
  absl::Status Flush(absl::Time deadline);
  absl::Status Wait(short events, absl::Time deadline);
  absl::Status Error(const PGresult* result) const;
  absl::Status Lost();

  const std::string name_;  // as messages show the server
  const Clock& clock_;
  const LibpqSession connection_;
  bool broken_ = false;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_SESSION_H_
