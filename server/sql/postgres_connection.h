// One connection to PostgreSQL: rows that are asked for in one turn travel in one write.
//
// libpq is in pipeline mode: statements are sent without waiting for the answers of those before.
// The statements of a turn end with one sync, since libpq writes at each and the server writes its
// answer to each; a statement that fails takes those behind it along, up to the sync, and these are
// sent again. PostgreSQL answers in order, so one answer that is late means that all behind it are:
// then the connection is given up. With nothing up, reads fail at once. That is the circuit
// breaker: a hung server costs one time-out, not one per read.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_CONNECTION_H_
#define PREDICTD_SERVER_SQL_POSTGRES_CONNECTION_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/watcher.h"
#include "server/sql/libpq_handle.h"
#include "server/sql/postgres_feature_table.h"
#include "server/sql/postgres_keeper.h"

namespace predictd {

class PostgresPool;
class PostgresRead;

// Owned by its loop's pool; loop's thread only, after the constructor. A step of the loop, so it
// outlives the loop's last turn. Asks the keeper for a session at the first turn and again whenever
// it has lost its own.
class PostgresConnection : public TurnStep, private Timer {
 public:
  // `patience`: longest silence while answers are due.
  PostgresConnection(PostgresPool& pool, Loop& loop, Watcher& watcher, PostgresKeeper& keeper,
                     absl::Duration patience);
  ~PostgresConnection() override;

  bool up() const { return session_ != nullptr; }
  size_t under_way() const { return queue_.size(); }

  // While up. The pool hears how it ends, unless the read leaves before.
  void Send(PostgresRead& read, const std::shared_ptr<const PostgresFeatureTable>& table);
  void Leave(const PostgresRead& read);

  bool Turn() override;
  bool AnswersOutstanding() const override { return reads_ > 0; }
  void BeforeSleep() override;

 private:
  enum class Kind { kPrepare, kRead, kSync };
  // Its schema is counted apart from that of other loops: each row holds a reference.
  struct Statement {
    std::shared_ptr<const PostgresFeatureTable> table;
    std::shared_ptr<const Schema> schema;
  };
  struct Entry {
    Kind kind;
    PostgresRead* read = nullptr;                // kRead; null: nobody waits any more
    std::shared_ptr<const Statement> statement;  // kPrepare
    bool answered = false;
  };

  void Connect(PostgresKeeper::Last last);
  void TakeSession(PostgresKeeper::Connection& connection);
  void Disconnect(absl::Status reason);

  void Prepare(const std::shared_ptr<const PostgresFeatureTable>& table);
  void Pop();
  // Each returns true if there was anything to do; afterwards the session may be gone.
  bool Write();
  bool Read();
  bool TakeResults();
  void TakeResult(const PGresult* result);
  void TakePrepared(const Entry& entry, const PGresult* result);
  void TakeRow(PostgresRead* read, const PGresult* result);

  void Expired() override { CheckOldest(); }
  bool Overdue() const;
  void CheckOldest();

  PostgresPool& pool_;
  Loop& loop_;
  Watcher& watcher_;
  PostgresKeeper& keeper_;
  const absl::Duration patience_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>();  // the keeper's answer is wanted

  bool started_ = false;
  LibpqSession session_;  // null while down
  absl::Time up_since_;

  std::deque<Entry> queue_;  // sent, not answered; oldest first
  uint64_t first_ = 0;       // number of the oldest
  size_t reads_ = 0;         // awaited ones
  size_t synced_ = 0;        // of queue_: up to the last sync
  int unflushed_ = 0;        // reads since the server was last told to send what it has
  bool unwritten_ = false;   // libpq holds something that the socket did not take
  bool broken_ = false;      // libpq did not take a statement
  absl::Time silent_since_;  // while anything is synced

  // What reads are sent with; null: to be prepared. Answers are of the last one whose preparation
  // has been answered.
  std::shared_ptr<const Statement> sending_;
  std::shared_ptr<const Statement> answering_;
  // Of a preparation that failed, until the sync behind it: what it took along failed by it.
  absl::Status not_prepared_;
  std::string not_prepared_state_;

  std::optional<Watcher::Event> armed_;
  std::atomic<bool> fired_{false};
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_CONNECTION_H_
