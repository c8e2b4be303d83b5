// A source whose file is changed, broken or replaced, or that many loops read at once.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/unit/sql/faulty_source.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

TEST_CASE("a deadline that has passed does not reach the file") {
  FaultySource test;
  test.Open();
  CHECK(absl::IsDeadlineExceeded(test.Read(absl::ZeroDuration()).status()));
  CHECK(test.Errors("timeout") == 0);
}

TEST_CASE("a column that is dropped or added is taken over by the next read, and said once") {
  FaultySource test;
  test.Open();
  REQUIRE(test.Works());
  const uint64_t generation = test.source->schema_generation();
  CHECK(generation != 0);
  const CapturedLog log;
  Execute(test.path, {"ALTER TABLE user_features RENAME COLUMN x TO y",
                      "ALTER TABLE user_features ADD COLUMN a REAL DEFAULT 5"});
  for (int i = 0; i < 3; ++i) {
    const Answer row = test.Read();
    REQUIRE(row.ok());
    CHECK((*row)->schema->names() == std::vector<std::string>{"y", "a"});
    CHECK((*row)->values == FeatureValues{1, 5});
  }
  CHECK(test.source->schema()->names() == std::vector<std::string>{"y", "a"});
  CHECK(test.source->schema_generation() != generation);
  CHECK(log.Count("has other columns now") == 1);
  CHECK(log.Count("added=y,a dropped=x features=2") == 1);
}

TEST_CASE("a row that SQLite cannot compute is told as that row's, and is no outage") {
  FaultySource test;
  Execute(test.path, {"CREATE TABLE notes (user_id TEXT PRIMARY KEY, note TEXT)",
                      "INSERT INTO notes VALUES ('good', '{\"x\": 2}'), ('bad', '{')",
                      "DROP TABLE user_features",
                      "CREATE VIEW user_features AS SELECT user_id, "
                      "CAST(json_extract(note, '$.x') AS REAL) AS x FROM notes"});
  const CapturedLog log;
  test.Open();
  for (int i = 0; i < 3; ++i) {
    const Answer bad = test.Read(absl::Seconds(10), "bad");
    CHECK(absl::IsUnavailable(bad.status()));
    CheckError(bad.status(), {"users.db", "failed for this row: ", "malformed JSON"});
    CHECK((*test.Read(absl::Seconds(10), "good"))->values == FeatureValues{2});
  }
  CHECK(test.Errors("error") == 3);
  CHECK(log.Count("does not answer") == 0);
  CHECK(log.Count("fails for a row") == 1);
}

TEST_CASE("a table that is dropped fails reads until it is made anew") {
  FaultySource test;
  test.Open();
  Execute(test.path, {"DROP TABLE user_features"});
  const Answer none = test.Read();
  CHECK(absl::IsUnavailable(none.status()));
  CHECK(std::string(none.status().message()).find("does not exist yet") != std::string::npos);
  Execute(test.path, {"CREATE TABLE other (x REAL)"});
  const Answer missing = test.Read();
  CHECK(absl::IsUnavailable(missing.status()));
  CHECK(std::string(missing.status().message()).find("there is other") != std::string::npos);
  CHECK(test.Errors("error") == 2);
  Execute(test.path, {"CREATE TABLE user_features (b REAL, x REAL, user_id INTEGER)",
                      "INSERT INTO user_features VALUES (5, 1, 7)"});
  CHECK((*test.Read(absl::Seconds(10), "7"))->values == FeatureValues{5, 1});
  CHECK(!(*test.Read(absl::Seconds(10), "07")).has_value());
}

TEST_CASE("a file without any table is a start, and the table is taken over when it comes") {
  FaultySource test;
  Execute(test.path, {"DROP TABLE user_features"});
  const CapturedLog log;
  test.Open();
  CHECK(log.Count("does not exist yet; fill it with `predict features put`") == 1);
  CHECK(test.source->schema() == nullptr);
  CHECK(test.source->schema_generation() == 0);
  CHECK(test.Read().status().message() ==
        "feature table 'user_features' does not exist yet; fill it with `predict features put`");
  Execute(test.path, {"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL)",
                      "INSERT INTO user_features VALUES ('u', 1)"});
  CHECK(test.Works());
  CHECK(test.source->schema_generation() != 0);
  CHECK(log.Count("other columns") == 0);
}

TEST_CASE("a file that was replaced is read anew") {
  FaultySource test;
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
  FaultySource test;
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
  FaultySource test;
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

TEST_CASE("thousands of reads at once from several loops each get their own row") {
  FaultySource test;
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
