// Writes users' rows to a table of PostgreSQL.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_FEATURE_SINK_H_
#define PREDICTD_SERVER_SQL_POSTGRES_FEATURE_SINK_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/sql/feature_sink.h"
#include "server/sql/postgres_link.h"
#include "server/sql/postgres_upsert.h"

namespace predictd {

// Connects with the first write and again when the connection was lost. Looks at the table anew
// with every write, so that one costs two round trips, however many rows it has. Where the server
// refuses a row for a reason that only it knows, such as a constraint, the others are written in
// several transactions.
class PostgresFeatureSink : public FeatureSink {
 public:
  struct Options {
    std::string uri;  // as of StoreAddress
    std::string table = "user_features";
    std::string key_column = "user_id";
    // Longest wait for a connection, and for a write once there is one.
    absl::Duration connect_timeout = absl::Seconds(2);
    absl::Duration timeout = absl::Seconds(5);
  };

  PostgresFeatureSink(Options options, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        link_(options_.uri, options_.connect_timeout, clock) {}

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const std::string> names,
                                                  absl::Span<const FeatureRecord> rows) override;

 private:
  // A write under way.
  struct Batch {
    const PostgresUpsert& plan;
    absl::Span<const FeatureRecord> rows;
    absl::Time deadline;
    std::vector<absl::Status> statuses;
  };

  absl::StatusOr<std::vector<absl::Status>> TryWrite(absl::Span<const std::string> names,
                                                     absl::Span<const FeatureRecord> rows);
  // The rows at `positions`: all in one transaction, or where one of them is refused each half in
  // its own, and so on. An error is the store's.
  absl::Status WriteHalving(Batch& batch, absl::Span<const size_t> positions);
  absl::Status WriteRows(Batch& batch, absl::Span<const size_t> positions);

  const Options options_;
  const Clock& clock_;
  PostgresLink link_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_FEATURE_SINK_H_
