// The table `predictions` in a PostgreSQL database.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_STORE_H_
#define PREDICTD_SERVER_SQL_POSTGRES_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/sql/postgres_array.h"
#include "server/sql/postgres_link.h"
#include "server/sql/prediction_columns.h"
#include "server/sql/prediction_store.h"

namespace predictd {

// One connection writes, another one finds; each is made when it is needed and again when it was
// lost. A batch costs one round trip, and another one where not all of it was new. How durable a
// commit is says the server's synchronous_commit.
class PostgresStore : public PredictionStore {
 public:
  struct Options {
    std::string uri;  // as of StoreAddress
    // Longest wait for a connection, and for a transaction.
    absl::Duration connect_timeout = absl::Seconds(2);
    absl::Duration statement_timeout = absl::Seconds(3);
  };

  // Creates the table where it is missing. A server that refuses us, or a table `predictions` of
  // another shape, is an error of one line that names --save_to; a server that does not answer, or
  // cannot write now, is only said in the log.
  static absl::StatusOr<std::unique_ptr<PostgresStore>> Create(Options options, const Clock& clock);

  absl::StatusOr<std::vector<std::string>> Write(
      absl::Span<const Prediction* const> predictions) override;
  absl::StatusOr<std::optional<Prediction>> Find(absl::string_view prediction_id) override;

 private:
  using Ids = std::vector<std::string>;

  PostgresStore(Options options, const Clock& clock);

  absl::Time Deadline() const { return clock_.Now() + options_.statement_timeout; }
  absl::Status OpenForWriting();
  absl::StatusOr<Ids> TryWrite(absl::Span<const Prediction* const> predictions);
  absl::StatusOr<Ids> Insert(absl::Span<const Prediction* const> predictions);
  absl::Status Fill(absl::Span<const Prediction* const> predictions);
  // The ids under which predictions stand that were not all new.
  absl::StatusOr<Ids> FindStanding(absl::Span<const Prediction* const> predictions);
  absl::StatusOr<std::optional<Prediction>> TryFind(absl::string_view prediction_id);

  const Options options_;
  const Clock& clock_;

  // Of the thread that writes.
  PostgresLink writing_;
  std::vector<PostgresArray> columns_;  // the batch, in the table's order
  PredictionFormat format_;

  // Of the thread that finds.
  PostgresLink finding_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_STORE_H_
