// The thread that does for a PostgreSQL source what blocks: it connects, for all loops, and looks
// at the table.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_KEEPER_H_
#define PREDICTD_SERVER_SQL_POSTGRES_KEEPER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/sql/libpq_handle.h"
#include "server/sql/postgres_feature_table.h"
#include "server/sql/postgres_options.h"
#include "server/sql/published_schema.h"

namespace predictd {

// Connecting means a look-up of a name, a TLS handshake and thousands of hashes for a password: no
// loop is to wait for these. One attempt at a time, with back-off between those that fail, however
// many connections are wanted. Owned by the source; any thread may call. Destroyed before the loops
// it answers; a look-up of a name that hangs then is left behind.
class PostgresKeeper {
 public:
  struct Options {
    PostgresOptions address;
    PostgresTableName table;
    absl::Duration timeout;  // statement_timeout of the sessions
    absl::Duration look_interval;
  };
  // What was found when the table was looked at.
  struct Look {
    uint64_t number = 0;  // counts up
    absl::Status status;  // as DescribePostgresFeatures or OpenPostgres has it
    std::shared_ptr<const PostgresFeatureTable> table;  // null where the status is not OK
  };
  struct Connection {
    absl::StatusOr<LibpqSession> session;
    bool first = true;  // of those that one attempt answers: the others report nothing new
  };

  // How it went with the connection before.
  enum class Last { kUseful, kShortLived, kFailed };

  explicit PostgresKeeper(Options options);
  ~PostgresKeeper();
  PostgresKeeper(const PostgresKeeper&) = delete;
  PostgresKeeper& operator=(const PostgresKeeper&) = delete;

  // Looks at the table on the caller's thread, and starts the thread. Connecting and looking take
  // three seconds each at most, or `timeout` where that is longer. Once, before anything else.
  Look Start();

  // Calls `looked` on `loop` after every look from now on, with those that found nothing new. A
  // table is known there before the first session that was made after it is handed over.
  void OnLook(Loop& loop, std::function<void(const Look&)> looked);

  // Calls `connected` on `loop`, never within this call: with a session that has answered, does not
  // block and is in pipeline mode, or with why there is none.
  void Connect(Loop& loop, Last last, std::function<void(Connection&)> connected);

  // Looks at the table again. Returns the number of a look that begins after this call.
  uint64_t LookAgain();

  // The table is in use: it is to be looked at every look_interval. Cheap.
  void NoteRead();

  const PublishedSchema& schema() const;

 private:
  struct State;
  class Worker;

  // Shared with the thread, which may outlive this object in a look-up that hangs.
  const std::shared_ptr<State> state_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_KEEPER_H_
