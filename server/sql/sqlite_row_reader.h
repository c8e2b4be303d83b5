// Reads users' rows from a SQLite file, blocking, on one thread.
#ifndef PREDICTD_SERVER_SQL_SQLITE_ROW_READER_H_
#define PREDICTD_SERVER_SQL_SQLITE_ROW_READER_H_

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
#include "server/sql/sqlite_connection.h"
#include "server/sql/sqlite_feature_table.h"

namespace predictd {

// One thread at a time. The file is opened read-only and again when it was replaced or fails; its
// columns stay those of the first look.
class SqliteRowReader {
 public:
  struct Options {
    std::string path;
    std::string table;
    std::string key_column;
  };

  // Errors are one line that names the flag. What no index serves, and which columns are left out,
  // is said in the log.
  static absl::StatusOr<std::unique_ptr<SqliteRowReader>> Open(Options options, absl::Time deadline,
                                                               const Clock& clock);

  const std::shared_ptr<const Schema>& schema() const { return schema_; }

  // Reads between Begin and End share one transaction, since taking the file's lock for each costs
  // more than the read; it keeps writers of a file without WAL waiting, so batches are short.
  void Begin();
  void End();

  // The row, or nothing; errors as of SqliteConnection. A failed read is repeated once per batch on
  // a fresh connection if there is time before `deadline`.
  absl::StatusOr<std::optional<FeatureRow>> Read(absl::string_view user_id, absl::Time deadline);

 private:
  struct Session {
    std::unique_ptr<SqliteConnection> connection;
    SqliteStatement begin;
    SqliteStatement commit;
    SqliteStatement select;
  };

  SqliteRowReader(Options options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  absl::StatusOr<std::unique_ptr<SqliteConnection>> OpenFile(absl::Time deadline) const;
  absl::Status Look(SqliteConnection& connection);
  absl::Status Connect(std::unique_ptr<SqliteConnection> connection);
  absl::StatusOr<std::optional<FeatureRow>> TryRead(absl::string_view user_id, absl::Time deadline);
  // Steps to the row whose key has exactly this text.
  absl::StatusOr<bool> Find(absl::string_view user_id);
  absl::StatusOr<bool> StepToKey(absl::string_view user_id);
  FeatureRow CurrentRow(absl::Time read_at) const;

  const Options options_;
  const Clock& clock_;

  // Constant after Open.
  SqliteFeatureTable table_;
  std::shared_ptr<const Schema> schema_;

  std::optional<Session> session_;
  bool retried_ = false;  // in this batch
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_ROW_READER_H_
