#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/async/scope.h"
#include "server/sql/sqlite_source.h"
#include "tests/catch.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/captured_log.h"
#include "tests/unit/sql/metric_value.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {
namespace {

using Answer = absl::StatusOr<std::optional<FeatureRow>>;

struct Source {
  Source() {
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

TEST_CASE("a locked file costs no more than the caller's deadline, and is read again after it") {
  Source test;
  test.Open();
  const CapturedLog log;
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  const absl::Time start = test.clock.Now();
  const Answer row = test.Read(absl::Milliseconds(200));
  const absl::Duration took = test.clock.Now() - start;
  CHECK(row.status().code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(std::string(row.status().message()).find("users.db") != std::string::npos);
  CHECK(took >= absl::Milliseconds(200));
  CHECK(took < absl::Seconds(2));
  CHECK(test.Errors("timeout") == 1);

  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
  CHECK(log.Count("does not answer") == 1);
  CHECK(log.Count("answers again") == 1);
}

TEST_CASE("a source that does not answer within its own time-out is UNAVAILABLE") {
  Source test;
  test.Open(absl::Milliseconds(150));
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  const Answer row = test.Read(absl::Seconds(60));
  CHECK(row.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(row.status().message()).find("has not answered since") != std::string::npos);
  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
}

TEST_CASE("a lock that goes away in time is waited for") {
  Source test;
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  std::thread unlock([&] {
    absl::SleepFor(absl::Milliseconds(50));
    other->Execute("COMMIT").IgnoreError();
  });
  CHECK(test.Works());
  unlock.join();
  CHECK(test.Errors("timeout") == 0);
}

TEST_CASE("reads that queued up behind a lock fail together, not one after the other") {
  Source test;
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  const absl::Time start = test.clock.Now();
  std::vector<std::optional<Answer>> answers(300);
  Scope scope;
  for (auto& answer : answers) {
    auto read = test.source->Read(test.loop, "u", start + absl::Milliseconds(200));
    scope.Spawn(KeepResult(std::move(read), answer));
  }
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  CHECK(test.clock.Now() - start < absl::Seconds(5));
  for (const auto& answer : answers) {
    CHECK(answer->status().code() == absl::StatusCode::kDeadlineExceeded);
  }
  CHECK(test.Errors("timeout") == 300);
  // None of them is still waited for.
  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
}

TEST_CASE("readers of a file in WAL mode do not wait for its writer") {
  Source test;
  Execute(test.path, {"PRAGMA journal_mode = WAL"});
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE", "UPDATE user_features SET x = 2"});
  CHECK(test.Works());
  Execute(*other, {"COMMIT"});
  CHECK((*test.Read())->values[0] == 2);
}

TEST_CASE("the queue of reads is bounded and says so") {
  Source test;
  test.Open(absl::Seconds(5), 1);
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  std::vector<std::optional<Answer>> answers(10);
  Scope scope;
  for (auto& answer : answers) {
    auto read = test.source->Read(test.loop, "u", test.clock.Now() + absl::Milliseconds(300));
    scope.Spawn(KeepResult(std::move(read), answer));
  }
  // The thread has taken one at most, one more waits.
  int refused = 0;
  for (const auto& answer : answers) {
    if (answer.has_value()) ++refused;
  }
  CHECK(refused >= 8);
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  CHECK(absl::IsUnavailable(answers.back()->status()));
  Execute(*other, {"COMMIT"});
}

TEST_CASE("a deadline that has passed does not reach the file") {
  Source test;
  test.Open();
  CHECK(absl::IsDeadlineExceeded(test.Read(absl::ZeroDuration()).status()));
  CHECK(test.Errors("timeout") == 0);
}

TEST_CASE("a dropped column is an error, not a value") {
  Source test;
  test.Open();
  REQUIRE(test.Works());
  const CapturedLog log;
  Execute(test.path, {"ALTER TABLE user_features RENAME COLUMN x TO y"});
  for (int i = 0; i < 3; ++i) {
    const Answer row = test.Read();
    CHECK(row.status().code() == absl::StatusCode::kUnavailable);
    CHECK(std::string(row.status().message()).find("no such column") != std::string::npos);
  }
  CHECK(test.Errors("error") == 3);
  Execute(test.path, {"ALTER TABLE user_features RENAME COLUMN y TO x"});
  CHECK(test.Works());
  CHECK(log.Count("does not answer") == 1);
  CHECK(log.Count("answers again") == 1);
}

TEST_CASE("columns that are added, and a table made anew, change nothing") {
  Source test;
  test.Open();
  Execute(test.path, {"ALTER TABLE user_features ADD COLUMN a REAL"});
  CHECK(test.Works());
  Execute(test.path, {"DROP TABLE user_features"});
  CHECK(absl::IsUnavailable(test.Read().status()));
  Execute(test.path, {"CREATE TABLE user_features (b REAL, x REAL, user_id TEXT)",
                      "INSERT INTO user_features VALUES (5, 1, 'u')"});
  CHECK(test.Works());
}

TEST_CASE("a file that was replaced is read anew") {
  Source test;
  test.Open();
  REQUIRE(test.Works());
  const std::string next = test.folder.File("next.db");
  Execute(next, {"CREATE TABLE user_features (user_id INTEGER PRIMARY KEY, x REAL)",
                 "INSERT INTO user_features VALUES (7, 9)"});
  std::filesystem::rename(next, test.path);
  CHECK(!(*test.Read()).has_value());
  CHECK((*test.Read(absl::Seconds(10), "7"))->values[0] == 9);

  std::filesystem::remove(test.path);
  const Answer gone = test.Read();
  CHECK(gone.status().code() == absl::StatusCode::kUnavailable);
  CHECK(test.Errors("unreachable") == 1);
  Execute(test.path, {"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL)",
                      "INSERT INTO user_features VALUES ('u', 1)"});
  CHECK(test.Works());
}

TEST_CASE("a file overwritten with garbage is an error until it is repaired") {
  Source test;
  test.Open();
  REQUIRE(test.Works());
  const std::string copy = test.folder.File("copy.db");
  std::filesystem::copy_file(test.path, copy);
  const auto size = std::filesystem::file_size(test.path);
  {
    std::fstream file(test.path);
    file << std::string(size, 'x');
  }
  CHECK(absl::IsUnavailable(test.Read().status()));
  std::filesystem::resize_file(test.path, 0);
  CHECK(absl::IsUnavailable(test.Read().status()));
  std::filesystem::copy_file(copy, test.path, std::filesystem::copy_options::overwrite_existing);
  CHECK(test.Works());
}

TEST_CASE("a read that takes too long is broken off") {
  Source test;
  Execute(test.path,
          {"CREATE VIEW slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
           "WHERE i < 1000000000) SELECT user_id, x FROM user_features "
           "WHERE (SELECT sum(i) FROM n WHERE i % 7 = x) > 0"});
  SqliteSource::Options options;
  options.path = test.path;
  options.table = "slow";
  auto source = SqliteSource::Create(options, test.clock, test.metrics);
  INFO(source.status().ToString());
  REQUIRE(source.ok());
  const absl::Time start = test.clock.Now();
  const Answer row =
      Await(test.loop, (*source)->Read(test.loop, "u", start + absl::Milliseconds(50)));
  CHECK(absl::IsDeadlineExceeded(row.status()));
  // Joins the thread, which must have stopped reading.
  source->reset();
  CHECK(test.clock.Now() - start < absl::Seconds(5));
}

TEST_CASE("an abandoned read outlives the loop that asked") {
  Source test;
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  {
    SleepingLoop loop(test.clock);
    const Answer row =
        Await(loop, test.source->Read(loop, "u", test.clock.Now() + absl::Milliseconds(20)));
    CHECK(absl::IsDeadlineExceeded(row.status()));
  }
  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
}

TEST_CASE("a source goes away at once though its file is locked") {
  Source test;
  test.Open(absl::Seconds(60));
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  CHECK(absl::IsDeadlineExceeded(test.Read(absl::Milliseconds(20)).status()));
  const absl::Time start = test.clock.Now();
  test.source.reset();
  CHECK(test.clock.Now() - start < absl::Seconds(5));
}

TEST_CASE("thousands of reads at once from several loops each get their own row") {
  Source test;
  {
    const auto connection = Connect(test.path);
    Execute(*connection, {"BEGIN"});
    for (int i = 0; i < 5000; ++i) {
      Execute(*connection, {absl::StrCat("INSERT INTO user_features VALUES ('", i, "', ", i, ")")});
    }
    Execute(*connection, {"COMMIT"});
  }
  test.Open(absl::Seconds(30), 100000);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&test, &wrong, t] {
      SleepingLoop loop(test.clock);
      std::vector<std::optional<Answer>> answers(6000);
      Scope scope;
      for (size_t i = 0; i < answers.size(); ++i) {
        auto read = test.source->Read(loop, absl::StrCat((i * 7 + t) % 6000),
                                      test.clock.Now() + absl::Seconds(30));
        scope.Spawn(KeepResult(std::move(read), answers[i]));
      }
      if (!loop.RunUntil([&] { return scope.running() == 0; })) std::abort();
      for (size_t i = 0; i < answers.size(); ++i) {
        const size_t user = (i * 7 + t) % 6000;
        const Answer& row = *answers[i];
        const bool right = row.ok() && row->has_value() == (user < 5000) &&
                           (user >= 5000 || (*row)->values[0] == static_cast<float>(user));
        if (!right) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace predictd
