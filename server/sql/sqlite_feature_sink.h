// Writes users' rows to a table of a SQLite file.
#ifndef PREDICTD_SERVER_SQL_SQLITE_FEATURE_SINK_H_
#define PREDICTD_SERVER_SQL_SQLITE_FEATURE_SINK_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/sql/feature_sink.h"
#include "server/sql/sqlite_connection.h"
#include "server/sql/sqlite_upsert.h"

namespace predictd {

// The file is opened by the first write and again when it was replaced or failed, and created where
// there is none. It is the user's: its journal mode stays as it is, and its table is looked at anew
// with every write.
class SqliteFeatureSink : public FeatureSink {
 public:
  struct Options {
    std::string path;
    std::string table = "user_features";
    std::string key_column = "user_id";
    // Longest wait for another process that has the file locked, and for the write itself.
    absl::Duration timeout = absl::Seconds(5);
  };

  SqliteFeatureSink(Options options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const std::string> names,
                                                  absl::Span<const FeatureRecord> rows) override;

 private:
  absl::StatusOr<std::vector<absl::Status>> WriteAll(absl::Span<const std::string> names,
                                                     absl::Span<const FeatureRecord> rows);
  // OK or INVALID_ARGUMENT concerns this row; anything else the whole write.
  absl::Status WriteRow(const SqliteUpsert& plan, const FeatureRecord& row, SqliteStatement& write,
                        SqliteStatement& select_number);
  absl::Status BindKey(const SqliteUpsert& plan, const std::string& user_id, SqliteStatement& write,
                       SqliteStatement& select_number);

  const Options options_;
  const Clock& clock_;
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_FEATURE_SINK_H_
