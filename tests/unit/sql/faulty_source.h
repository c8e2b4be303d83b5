// A source with one user, whose file a test locks, breaks and replaces.
#ifndef PREDICTD_TESTS_UNIT_SQL_FAULTY_SOURCE_H_
#define PREDICTD_TESTS_UNIT_SQL_FAULTY_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/async/scope.h"
#include "server/sql/sqlite_source.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/metric_value.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {

using Answer = absl::StatusOr<std::optional<FeatureRow>>;

struct FaultySource {
  FaultySource() {
    Execute(path, {"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL)",
                   "INSERT INTO user_features VALUES ('u', 1)"});
  }

  void Open(absl::Duration read_timeout = absl::Seconds(5), size_t max_queue = 1000) {
    SqliteSource::Options options;
    options.path = path;
    options.read_timeout = read_timeout;
    options.max_queue = max_queue;
    auto created = SqliteSource::Create(std::move(options), clock, metrics);
    REQUIRE(created.ok());
    source = *std::move(created);
  }

  Answer Read(absl::Duration time = absl::Seconds(10), std::string user_id = "u") {
    return Await(loop, source->Read(loop, std::move(user_id), clock.Now() + time));
  }
  bool Works() {
    const Answer row = Read();
    return row.ok() && row->has_value() && (*row)->values[0] == 1;
  }
  double Errors(const std::string& kind) { return StoreErrors(metrics, "source", kind); }

  SystemClock clock;
  SleepingLoop loop{clock};
  Metrics metrics;
  TempFolder folder;
  const std::string path = folder.File("users.db");
  std::unique_ptr<SqliteSource> source;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_SQL_FAULTY_SOURCE_H_
