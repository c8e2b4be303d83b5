#include "server/sql/sqlite_source.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/fakes/captured_log.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

TEST_CASE("a row has its features in column order, its origin and when it was read") {
  SourceFile source({"CREATE TABLE user_features (age INT, user_id TEXT PRIMARY KEY, score REAL)",
                     "INSERT INTO user_features VALUES (31, 'u1', 0.5), (32, 'u2', 1.5)"});
  REQUIRE(source.Open().ok());
  CHECK(source.names() == std::vector<std::string>{"age", "score"});
  const absl::Time before = source.clock_.WallNow();
  const std::optional<FeatureRow> row = source.Read("u2");
  REQUIRE(row.has_value());
  CHECK(std::vector<float>(row->values.begin(), row->values.end()) == std::vector<float>{32, 1.5F});
  CHECK(row->origin == FeatureOrigin::kSource);
  CHECK(row->schema->names() == source.names());
  CHECK(row->read_at >= before);
  CHECK(row->read_at <= source.clock_.WallNow());
  CHECK(!source.Has("u3"));
}

TEST_CASE("numeric and boolean columns are features, others are left out with one log line") {
  SourceFile source(
      {"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, a INTEGER, b TINYINT, c REAL, "
       "d DOUBLE PRECISION, e FLOAT, f NUMERIC(10, 2), g DECIMAL, h BOOLEAN, i BOOL, name TEXT, "
       "code VARCHAR(3), raw BLOB, born DATE, seen TIMESTAMP, doc JSON, tag STRING, "
       "j UNSIGNED BIG INT, k AS (a + 1), l INTEGER GENERATED ALWAYS AS (a + 2) STORED)",
       "INSERT INTO user_features VALUES ('u', 1, 2, 3.5, 4.5, 5.5, 6.25, 7, TRUE, 0, 'n', 'c', "
       "x'00', '2020-01-01', '2020-01-01', '{}', 't', 8)"});
  const CapturedLog log;
  REQUIRE(source.Open().ok());
  CHECK(source.names() ==
        std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"});
  CHECK(source.Values("u") == std::vector<float>{1, 2, 3.5F, 4.5F, 5.5F, 6.25F, 7, 1, 0, 8, 2, 3});
  CHECK(log.Count("left_out") == 1);
  CHECK(log.Count("left_out=name,code,raw,born,seen,doc,tag") == 1);
}

TEST_CASE("a column without a declared type is judged by its first value") {
  SourceFile source(
      {"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, number, word, empty, "
       "score MONEY, label ENUM)",
       "INSERT INTO user_features VALUES ('u0', NULL, NULL, NULL, NULL, NULL)",
       "INSERT INTO user_features VALUES ('u1', 3, 'three', NULL, 2.5, 'x')"});
  REQUIRE(source.Open().ok());
  CHECK(source.names() == std::vector<std::string>{"number", "score"});
  CHECK(source.Values("u1") == std::vector<float>{3, 2.5F});
  CHECK(std::isnan(source.Values("u0")[0]));
}

TEST_CASE("a missing or unusable value is NaN and the rest of the row stays") {
  SourceFile source(
      {"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, a REAL, b INTEGER, c REAL, "
       "d REAL, e REAL, f BOOLEAN)",
       "INSERT INTO user_features VALUES ('u', NULL, 'words', 1e300, x'01', 2, NULL), "
       "('v', 9e999, 16777217, 3.4028234663852886e38, -9e999, '12', 1)"});
  REQUIRE(source.Open().ok());
  const std::vector<float> u = source.Values("u");
  for (const size_t i : {0, 1, 2, 3, 5}) CHECK(std::isnan(u[i]));
  CHECK(u[4] == 2);
  const std::vector<float> v = source.Values("v");
  CHECK(std::isnan(v[0]));
  CHECK(v[1] == 16777216);
  CHECK(v[2] == std::numeric_limits<float>::max());
  CHECK(std::isnan(v[3]));
  CHECK(v[4] == 12);
}

TEST_CASE("a view serves as a table") {
  SourceFile source({"CREATE TABLE people (id INTEGER PRIMARY KEY, born INTEGER, name TEXT)",
                     "CREATE TABLE visits (person INTEGER, seconds REAL)",
                     "CREATE INDEX visits_by_person ON visits (person)",
                     "INSERT INTO people VALUES (1, 1990, 'a'), (2, 1980, 'b')",
                     "INSERT INTO visits VALUES (1, 1.5), (1, 2.5)",
                     "CREATE VIEW user_features AS SELECT id AS user_id, 2020 - born AS age, name, "
                     "(SELECT count(*) FROM visits WHERE person = id) AS visits, "
                     "(SELECT sum(seconds) FROM visits WHERE person = id) AS seconds FROM people"});
  const CapturedLog log;
  REQUIRE(source.Open().ok());
  CHECK(source.names() == std::vector<std::string>{"age", "visits", "seconds"});
  CHECK(source.Values("1") == std::vector<float>{30, 2, 4});
  CHECK(std::isnan(source.Values("2")[2]));
  CHECK(!source.Has("01"));
  CHECK(log.Count("scans the table") == 0);
}

TEST_CASE("a key without an index is said in the log once") {
  SourceFile source({"CREATE TABLE user_features (user_id TEXT, x REAL)",
                     "INSERT INTO user_features VALUES ('u', 1)"});
  const CapturedLog log;
  REQUIRE(source.Open().ok());
  CHECK(source.Has("u"));
  CHECK(log.Count("scans the table") == 1);
  CHECK(log.Count("user_id") == 1);
}

TEST_CASE("names with quotes and keywords are names") {
  SourceFile source(
      {R"(CREATE TABLE "a ""table""; --" ("the ""key""" TEXT PRIMARY KEY, "select" REAL, )"
       R"("x'y" REAL, "row" REAL))",
       R"(INSERT INTO "a ""table""; --" VALUES ('u', 1, 2, 3))"});
  const absl::Status opened = source.Open("a \"table\"; --", "the \"key\"");
  INFO(opened.ToString());
  REQUIRE(opened.ok());
  CHECK(source.names() == std::vector<std::string>{"select", "x'y", "row"});
  CHECK(source.Values("u") == std::vector<float>{1, 2, 3});
}

TEST_CASE("what is wrong at the start names the flag and what there is") {
  SourceFile source(
      {"CREATE TABLE users (id TEXT, age INTEGER)", "CREATE VIEW grown AS SELECT 1 AS x",
       "CREATE TABLE words (id TEXT, word TEXT)", "CREATE TABLE r (id REAL, x REAL)"});
  CheckError(source.Open(), {"--feature_table", "'user_features'", "grown, r, users, words"});
  CheckError(source.Open("users"), {"--feature_key", "'user_id'", "'users'", "id, age"});
  CheckError(source.Open("words", "id"), {"--feature_table", "'words'", "numeric", "id, word"});
  CheckError(source.Open("r", "id"), {"--feature_key", "'id'", "REAL", "text or integer"});
  CHECK(source.Open("USERS", "ID").ok());

  std::filesystem::remove(source.path());
  CheckError(source.Open(), {"--feature_source", "users.db", "unable to open", "No such file"});
  CHECK(!std::filesystem::exists(source.path()));
  std::filesystem::create_directory(source.path());
  CheckError(source.Open(), {"--feature_source", "users.db"});
  std::filesystem::remove(source.path());
  std::ofstream(source.path()) << std::string(5000, 'x');
  CheckError(source.Open(), {"--feature_source", "users.db", "not a database"});
}

TEST_CASE("the source's journal mode is left as it is") {
  const std::string mode = GENERATE("delete", "wal", "truncate");
  const std::string pragma = "PRAGMA journal_mode = " + mode;
  SourceFile source({pragma, "CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL)",
                     "INSERT INTO user_features VALUES ('u', 1)"});
  REQUIRE(source.Open().ok());
  CHECK(source.Has("u"));
  // What is kept in the file is whether it has a write-ahead log.
  CHECK((Query(source.path(), "PRAGMA journal_mode") == "wal") == (mode == "wal"));
}

}  // namespace
}  // namespace predictd
