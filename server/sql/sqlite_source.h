// Rows from a table or view of a SQLite file.
#ifndef PREDICTD_SERVER_SQL_SQLITE_SOURCE_H_
#define PREDICTD_SERVER_SQL_SQLITE_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/sql/feature_source.h"
#include "server/sql/mailbox.h"
#include "server/sql/source_errors.h"
#include "server/sql/sqlite_row_reader.h"

namespace predictd {

// Owns one thread, which does the blocking reads, many per transaction. Destroyed when no
// Read waits any more, and before the loops. Columns that are added or dropped are taken over by
// the next read.
class SqliteSource : public FeatureSource {
 public:
  struct Options {
    std::string path;
    std::string table = "user_features";
    std::string key_column = "user_id";
    // Longest wait for one row, however late the caller's deadline is.
    absl::Duration read_timeout = absl::Seconds(1);
    // Reads that may wait for the thread; beyond it they fail at once.
    size_t max_queue = 65536;
  };

  // Looks at the file: an error is one line that names the flag and what to do. A file without any
  // table is none. `clock` is the one that the loops have.
  static absl::StatusOr<std::unique_ptr<SqliteSource>> Create(Options options, const Clock& clock,
                                                              Metrics& metrics);
  ~SqliteSource() override;

  std::shared_ptr<const Schema> schema() const override { return reader_->schema().Get(); }
  uint64_t schema_generation() const override { return reader_->schema().generation(); }

  // DEADLINE_EXCEEDED only where `deadline` itself has passed; a store that did not answer within
  // read_timeout is UNAVAILABLE.
  Task<absl::StatusOr<std::optional<FeatureRow>>> Read(Loop& loop, std::string user_id,
                                                       absl::Time deadline) override;

 private:
  class Request;
  using Row = std::optional<FeatureRow>;

  SqliteSource(Options options, const Clock& clock, Metrics& metrics);

  void Run();
  void Answer(Request& request);

  const Options options_;
  const Clock& clock_;
  SourceErrors errors_;
  Mailbox<Request*> mailbox_;
  std::unique_ptr<SqliteRowReader> reader_;  // after Create thread_'s, but for its schema
  std::thread thread_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_SOURCE_H_
