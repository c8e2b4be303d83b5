// One loop's connections to PostgreSQL, and the reads that wait for them.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_POOL_H_
#define PREDICTD_SERVER_SQL_POSTGRES_POOL_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/watcher.h"
#include "server/sql/postgres_connection.h"
#include "server/sql/postgres_keeper.h"
#include "server/sql/postgres_read.h"
#include "server/sql/source_errors.h"

namespace predictd {

// Loop's thread only, after the constructor. Outlives every read (its destructor ends the process
// otherwise) and the loop's last turn; goes before the keeper's loops.
//
// A read that was lost with its connection is asked again: of another connection, or, where the
// server closed the last one, of the next. A server that goes takes all along, so that may happen
// as often as there are connections. A read that failed because the table is another one now waits
// for a look at the table and is asked again once.
class PostgresPool {
 public:
  struct Options {
    int connections = 1;
    absl::Duration timeout;  // longest wait for a connection while none is up
  };

  // `first`: what was known of the table when the keeper started.
  PostgresPool(Loop& loop, Watcher& watcher, PostgresKeeper& keeper, SourceErrors& errors,
               const PostgresKeeper::Look& first, Options options);
  ~PostgresPool();
  PostgresPool(const PostgresPool&) = delete;
  PostgresPool& operator=(const PostgresPool&) = delete;

  // The read's.
  void Begin(PostgresRead& read);
  void Expired(PostgresRead& read);
  void Leave(PostgresRead& read);

  // The connections'.
  void Connected();
  void NotConnected(const absl::Status& reason, bool first);
  void Disconnected(const absl::Status& reason);
  void Answered(PostgresRead& read, PostgresRead::Outcome outcome);
  void NotRun(PostgresRead& read) { waiting_.push_back(&read); }
  void Failed(PostgresRead& read, const absl::Status& error, absl::string_view state);
  void Lost(PostgresRead& read, const absl::Status& reason);
  // After any of NotRun and Lost.
  void DispatchWaiting();

 private:
  void Dispatch(PostgresRead& read);
  void AwaitLook(PostgresRead& read);
  void Looked(const PostgresKeeper::Look& look);
  // Nothing is up, and waiting for it is of no use: fails all that wait, until NoteUp.
  void GiveUp(const absl::Status& reason);
  // A connection came up, or it became known what can be read.
  void NoteUp();
  PostgresConnection* LeastLoaded() const;
  void Finish(PostgresRead& read, PostgresRead::Outcome outcome);

  Loop& loop_;
  PostgresKeeper& keeper_;
  SourceErrors& errors_;
  const Options options_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>();  // the keeper's news are wanted

  std::shared_ptr<const PostgresFeatureTable> table_;  // null while there is none
  absl::Status no_table_;                              // why; OK while that is not known
  absl::Time looked_at_ = absl::InfinitePast();

  std::vector<PostgresRead*> waiting_;  // for a connection
  std::vector<PostgresRead*> looking_;  // for a look at the table
  size_t reads_ = 0;                    // under way
  absl::Status down_;                   // not OK: reads fail at once
  absl::Time without_since_;            // a connection

  // Last: what they tell on their way out is about the others.
  std::vector<std::unique_ptr<PostgresConnection>> connections_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_POOL_H_
