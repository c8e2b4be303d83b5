// A thread's way to a PostgreSQL server: one session, made anew when it was lost.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_LINK_H_
#define PREDICTD_SERVER_SQL_POSTGRES_LINK_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/sql/postgres_options.h"
#include "server/sql/postgres_session.h"

namespace predictd {

// One thread at a time, no locks of its own. Blocking, as PostgresSession is.
//
// A session that was given up while its server was busy leaves a process behind there, which in a
// COMMIT that waits for a synchronous standby stays for ever. The next session ends it first: so
// there is one at most. What it committed then stands, replicated or not.
class PostgresLink {
 public:
  // `uri` as of StoreAddress. `timeout`: longest wait for a connection.
  PostgresLink(const std::string& uri, absl::Duration timeout, const Clock& clock)
      : server_(PostgresOptions::Parse(uri)), timeout_(timeout), clock_(clock) {}

  // Connects where there is no session. Of several hosts the first one is another after each
  // failure, since one that hangs takes all the time there is.
  absl::Status Connect();
  bool connected() const { return session_ != nullptr; }
  // While connected.
  PostgresSession& session() { return *session_; }
  // Closes the session unless it is `useful` still: neither broken, nor told so by its errors.
  void CloseUnless(bool useful);

 private:
  // A process of the server. It is told by its start from another one that has its number now.
  struct Backend {
    std::string number;  // "" = not known
    std::string start;
  };

  void EndLeftBehind(absl::Time deadline);
  absl::Status NoteBackend(absl::Time deadline);

  const absl::StatusOr<PostgresOptions> server_;
  const absl::Duration timeout_;
  const Clock& clock_;
  size_t failed_attempts_ = 0;
  std::unique_ptr<PostgresSession> session_;
  Backend backend_;      // of session_
  Backend left_behind_;  // of one that was given up
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_LINK_H_
