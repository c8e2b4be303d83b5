// Reads users' rows from a SQLite file, blocking, on one thread.
#ifndef PREDICTD_SERVER_SQL_SQLITE_ROW_READER_H_
#define PREDICTD_SERVER_SQL_SQLITE_ROW_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/feature_row.h"
#include "server/base/schema.h"
#include "server/sql/published_schema.h"
#include "server/sql/sqlite_connection.h"
#include "server/sql/sqlite_feature_table.h"

namespace predictd {

// One thread at a time, but for schema(). The file is opened read-only and again when it was
// replaced or fails. Where its tables have changed, the next batch looks at them again.
class SqliteRowReader {
 public:
  struct Options {
    std::string path;
    std::string table;
    std::string key_column;
  };

  // Errors are one line that names the flag; a file without any table is none. What no index
  // serves, and which columns are left out, is said in the log.
  static absl::StatusOr<std::unique_ptr<SqliteRowReader>> Open(Options options, absl::Time deadline,
                                                               const Clock& clock);

  const PublishedSchema& schema() const { return published_; }

  // Reads between Begin and End share one transaction, since taking the file's lock for each costs
  // more than the read; it keeps writers of a file without WAL waiting, so batches are short.
  void Begin();
  void End();

  // The row, or nothing; errors as of SqliteConnection and DescribeFeatureTable. A failed read is
  // repeated once per batch on a fresh connection if there is time before `deadline`.
  absl::StatusOr<std::optional<FeatureRow>> Read(absl::string_view user_id, absl::Time deadline);

 private:
  struct Session {
    std::unique_ptr<SqliteConnection> connection;
    SqliteStatement begin;
    SqliteStatement commit;
    SqliteStatement version;
    // Of the table as it was at `looked_version`; nothing before the first look.
    std::optional<SqliteStatement> select = std::nullopt;
    int64_t looked_version = 0;
  };

  SqliteRowReader(Options options, const Clock& clock)
      : options_(std::move(options)), clock_(clock), published_(options_.table) {}

  absl::Status Connect(absl::Time deadline);
  // Begins the transaction; `select` is then of the tables that it sees.
  absl::Status BeginTransaction();
  absl::Status Look();
  absl::StatusOr<std::optional<FeatureRow>> TryRead(absl::string_view user_id, absl::Time deadline);
  // Steps to the row whose key has exactly this text.
  absl::StatusOr<bool> Find(absl::string_view user_id);
  absl::StatusOr<bool> StepToKey(absl::string_view user_id);
  FeatureRow CurrentRow() const;

  const Options options_;
  const Clock& clock_;

  PublishedSchema published_;
  // As last looked at.
  SqliteFeatureTable table_;
  std::shared_ptr<const Schema> schema_;

  std::optional<Session> session_;
  // In this batch:
  bool retried_ = false;
  absl::Time read_at_;     // wall clock, right before what it sees was taken
  absl::Status no_table_;  // not OK: every read fails by it
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_ROW_READER_H_
