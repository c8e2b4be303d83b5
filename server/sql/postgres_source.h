// Rows from a table or view of a PostgreSQL database.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_SOURCE_H_
#define PREDICTD_SERVER_SQL_POSTGRES_SOURCE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/watcher.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/sql/feature_source.h"
#include "server/sql/postgres_keeper.h"
#include "server/sql/postgres_pool.h"
#include "server/sql/source_errors.h"

namespace predictd {

// Owns one thread, which connects and looks at the table, and for each loop some connections, which
// are the loop's. Destroyed when no Read waits any more (it ends the process otherwise) and the
// loops take no more turns, but before the loops and the watcher.
//
// A server that cannot be reached is tried again for ever. A column that is added or dropped, or a
// table that is made anew, is taken over within look_interval, at once where a read fails by it.
class PostgresSource : public FeatureSource {
 public:
  struct Options {
    std::string uri;  // as StoreAddress has it
    std::string table = "user_features";
    std::string key_column = "user_id";
    // Longest wait for one row, however late the caller's deadline is; also what the server may
    // work on one.
    absl::Duration read_timeout = absl::Seconds(1);
    // Time between looks at the table's columns while it is read.
    absl::Duration look_interval = absl::Seconds(10);
  };

  // Looks at the table: connecting and looking take three seconds each at most, or read_timeout
  // where that is longer. An error is one line that names the flag and what to do: the server
  // refuses, or has no such database, table or column. A server that cannot be reached, and a
  // database without any table, are none. `clock` is the one that the loops have.
  static absl::StatusOr<std::unique_ptr<PostgresSource>> Create(Options options, const Clock& clock,
                                                                Watcher& watcher, Metrics& metrics);

  // Before the loop takes its first turn and before any Read, on one thread. Steps of a turn run in
  // the order they are added: this comes after the caches and before the batches.
  void AddLoop(Loop& loop, int connections);

  std::shared_ptr<const Schema> schema() const override { return keeper_.schema().Get(); }
  uint64_t schema_generation() const override { return keeper_.schema().generation(); }

  // On a loop that was added. DEADLINE_EXCEEDED only where `deadline` itself has passed; a store
  // that did not answer within read_timeout is UNAVAILABLE.
  Task<absl::StatusOr<std::optional<FeatureRow>>> Read(Loop& loop, std::string user_id,
                                                       absl::Time deadline) override;

 private:
  PostgresSource(Options options, PostgresOptions address, Watcher& watcher, const Clock& clock,
                 Metrics& metrics);

  const Options options_;
  Watcher& watcher_;
  SourceErrors errors_;
  PostgresKeeper keeper_;
  PostgresKeeper::Look first_look_;
  // Constant once the loops run; each pool is its loop's.
  absl::flat_hash_map<const Loop*, std::unique_ptr<PostgresPool>> pools_;
};

// How many of `total` connections, at least one, the loop number `loop` of `loops` has.
int ConnectionsOfLoop(int total, int loops, int loop);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_SOURCE_H_
