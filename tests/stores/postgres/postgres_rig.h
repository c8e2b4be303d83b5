// A source on a PostgreSQL of the test's own, and one loop that reads from it.
#ifndef PREDICTD_TESTS_STORES_POSTGRES_POSTGRES_RIG_H_
#define PREDICTD_TESTS_STORES_POSTGRES_POSTGRES_RIG_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/async/scope.h"
#include "server/async/watcher.h"
#include "server/sql/postgres_source.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/postgres_database.h"
#include "tests/fakes/postgres_server.h"
#include "tests/fakes/sleeping_loop.h"
#include "tests/unit/sql/await.h"

namespace predictd {

using PostgresAnswer = absl::StatusOr<std::optional<FeatureRow>>;

inline std::string NewDatabase() {
  static int number = 0;
  const std::string name = absl::StrCat("source_", ++number);
  SharedPostgres().Do("CREATE DATABASE " + name);
  return name;
}

// Runs SQL in that database.
inline std::string DoIn(const std::string& url, const std::string& sql) {
  const LibpqSession session(PQconnectdb(url.c_str()));
  PQsetNoticeProcessor(
      session.get(), [](void*, const char*) {}, nullptr);
  const LibpqResult result(PQexec(session.get(), sql.c_str()));
  INFO(PQerrorMessage(session.get()));
  const ExecStatusType status = PQresultStatus(result.get());
  REQUIRE((status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK));
  return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

class PostgresRig {
 public:
  explicit PostgresRig(std::string url) { options.uri = std::move(url); }
  // A database of the shared server, filled by `sql`.
  static std::string Filled(const std::string& sql) {
    const std::string url = SharedPostgres().url(NewDatabase());
    if (!sql.empty()) DoIn(url, sql);
    return url;
  }
  // Once: a loop keeps its steps.
  absl::Status Open() {
    auto created = PostgresSource::Create(options, clock, watcher, metrics);
    if (!created.ok()) return created.status();
    source = *std::move(created);
    source->AddLoop(loop, connections);
    return absl::OkStatus();
  }

  std::string Do(const std::string& sql) { return DoIn(options.uri, sql); }

  // Starts a read; the answer is filled in when it comes.
  const std::optional<PostgresAnswer>& Ask(std::string user_id,
                                           absl::Duration time = absl::Seconds(100)) {
    std::optional<PostgresAnswer>& answer = answers_.emplace_back();
    scope_.Spawn(KeepResult(source->Read(loop, std::move(user_id), clock.Now() + time), answer));
    return answer;
  }
  bool Finish() {
    return loop.RunUntil([this] { return scope_.running() == 0; }, absl::Seconds(100));
  }
  PostgresAnswer Read(std::string user_id, absl::Duration time = absl::Seconds(100)) {
    const std::optional<PostgresAnswer>& answer = Ask(std::move(user_id), time);
    REQUIRE(Finish());
    return *answer;
  }
  std::optional<FeatureRow> Row(std::string user_id) {
    PostgresAnswer answer = Read(std::move(user_id));
    INFO(answer.status().ToString());
    REQUIRE(answer.ok());
    return *std::move(answer);
  }
  bool Has(std::string user_id) { return Row(std::move(user_id)).has_value(); }
  std::vector<float> Values(std::string user_id) {
    const std::optional<FeatureRow> row = Row(std::move(user_id));
    REQUIRE(row.has_value());
    return {row->values.begin(), row->values.end()};
  }
  std::vector<std::string> names() const { return source->schema()->names(); }
  double Errors(const std::string& kind) { return StoreErrors(metrics, "source", kind); }
  // Reads until one is answered.
  bool WorksAgain(const std::string& user_id) {
    return loop.RunUntil([&] { return Read(user_id).ok(); }, absl::Seconds(100));
  }

  PostgresSource::Options options;
  int connections = 2;
  SystemClock clock;
  SleepingLoop loop{clock};
  Metrics metrics;
  Watcher watcher;
  std::unique_ptr<PostgresSource> source;

 private:
  std::deque<std::optional<PostgresAnswer>> answers_;
  Scope scope_;
};

inline void CheckMessage(const absl::Status& status, std::initializer_list<const char*> parts) {
  const std::string message(status.message());
  INFO(message);
  REQUIRE(!status.ok());
  CHECK(message.find('\n') == std::string::npos);
  for (const char* part : parts) {
    INFO(part);
    CHECK(message.find(part) != std::string::npos);
  }
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_STORES_POSTGRES_POSTGRES_RIG_H_
