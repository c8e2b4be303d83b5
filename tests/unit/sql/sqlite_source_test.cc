#include "server/sql/sqlite_source.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/catch.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/captured_log.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {
namespace {

using Row = std::optional<FeatureRow>;

class Source {
 public:
  explicit Source(std::initializer_list<absl::string_view> sql) { Execute(path(), sql); }

  std::string path() const { return folder_.File("users.db"); }

  absl::Status Open(std::string table = "user_features", std::string key = "user_id") {
    SqliteSource::Options options;
    options.path = path();
    options.table = std::move(table);
    options.key_column = std::move(key);
    auto source = SqliteSource::Create(std::move(options), clock_, metrics_);
    if (!source.ok()) return source.status();
    source_ = *std::move(source);
    return absl::OkStatus();
  }

  const std::vector<std::string>& names() const { return source_->schema()->names(); }

  Row Read(std::string user_id) {
    auto row = Await(loop_, source_->Read(loop_, std::move(user_id), absl::InfiniteFuture()));
    INFO(row.status().ToString());
    REQUIRE(row.ok());
    return *std::move(row);
  }
  bool Has(std::string user_id) { return Read(std::move(user_id)).has_value(); }
  std::vector<float> Values(std::string user_id) {
    const Row row = Read(std::move(user_id));
    REQUIRE(row.has_value());
    return {row->values.begin(), row->values.end()};
  }

  SystemClock clock_;
  SleepingLoop loop_{clock_};

 private:
  Metrics metrics_;
  TempFolder folder_;
  std::unique_ptr<SqliteSource> source_;
};

void CheckError(const absl::Status& status, std::initializer_list<const char*> parts) {
  const std::string message(status.message());
  INFO(message);
  REQUIRE(!status.ok());
  CHECK(message.find('\n') == std::string::npos);
  for (const char* part : parts) CHECK(message.find(part) != std::string::npos);
}

TEST_CASE("a row has its features in column order, its origin and when it was read") {
  Source source({"CREATE TABLE user_features (age INT, user_id TEXT PRIMARY KEY, score REAL)",
                 "INSERT INTO user_features VALUES (31, 'u1', 0.5), (32, 'u2', 1.5)"});
  REQUIRE(source.Open().ok());
  CHECK(source.names() == std::vector<std::string>{"age", "score"});
  const absl::Time before = source.clock_.WallNow();
  const Row row = source.Read("u2");
  REQUIRE(row.has_value());
  CHECK(std::vector<float>(row->values.begin(), row->values.end()) == std::vector<float>{32, 1.5F});
  CHECK(row->origin == FeatureOrigin::kSource);
  CHECK(row->schema->names() == source.names());
  CHECK(row->read_at >= before);
  CHECK(row->read_at <= source.clock_.WallNow());
  CHECK(!source.Has("u3"));
}

TEST_CASE("an integer key matches its canonical text only") {
  const char* type = GENERATE("INTEGER PRIMARY KEY", "INT UNIQUE", "BIGINT", "NUMERIC UNIQUE");
  const std::string create =
      absl::StrCat("CREATE TABLE user_features (user_id ", type, ", x REAL)");
  Source source({create,
                 "INSERT INTO user_features VALUES (42, 1), (0, 2), (-7, 3), "
                 "(9223372036854775807, 4), (-9223372036854775808, 5), (1000, 6)"});
  REQUIRE(source.Open().ok());
  for (const char* id : {"42", "0", "-7", "9223372036854775807", "-9223372036854775808", "1000"}) {
    INFO(id);
    CHECK(source.Has(id));
  }
  for (const char* id : {"042",
                         "+42",
                         " 42",
                         "42 ",
                         "42.0",
                         "42e0",
                         "0x2a",
                         "00",
                         "-0",
                         "+0",
                         "-07",
                         "1e3",
                         "",
                         "9223372036854775808",
                         "9223372036854775807.0",
                         "-9223372036854775809",
                         "abc",
                         "4２",
                         "99999999999999999999999999999999",
                         "-",
                         "'42'",
                         "42\n"}) {
    INFO(id);
    CHECK(!source.Has(id));
  }
  CHECK(source.Values("-7") == std::vector<float>{3});
  CHECK(!source.Has(std::string("42\0", 3)));
}

TEST_CASE("a text key matches byte for byte") {
  const char* type =
      GENERATE("TEXT PRIMARY KEY", "VARCHAR(40) COLLATE NOCASE", "TEXT COLLATE RTRIM");
  const std::string create =
      absl::StrCat("CREATE TABLE user_features (user_id ", type, ", x REAL)");
  Source source({create,
                 "INSERT INTO user_features VALUES ('042', 1), ('ABC', 2), ('abc', 3), "
                 "('7', 4), ('é', 5), (' 8', 6), ('', 7), ('x ', 8)"});
  REQUIRE(source.Open().ok());
  CHECK(source.Values("042") == std::vector<float>{1});
  CHECK(source.Values("ABC") == std::vector<float>{2});
  CHECK(source.Values("abc") == std::vector<float>{3});
  CHECK(source.Values("7") == std::vector<float>{4});
  CHECK(source.Values("é") == std::vector<float>{5});
  CHECK(source.Values(" 8") == std::vector<float>{6});
  CHECK(source.Values("") == std::vector<float>{7});
  CHECK(source.Values("x ") == std::vector<float>{8});
  for (const char* id : {"42", "aBC", "07", "7.0", "8", "E", "x", "abc ", "' OR 1=1 --"}) {
    INFO(id);
    CHECK(!source.Has(id));
  }
}

TEST_CASE("a key without a declared type matches numbers and texts") {
  Source source({"CREATE TABLE user_features (user_id, x REAL)",
                 "CREATE INDEX by_user ON user_features (user_id)",
                 "INSERT INTO user_features VALUES (42, 1), ('43', 2), ('044', 3), ('u', 4), "
                 "(NULL, 5), (x'3435', 6)"});
  REQUIRE(source.Open().ok());
  CHECK(source.Values("42") == std::vector<float>{1});
  CHECK(source.Values("43") == std::vector<float>{2});
  CHECK(source.Values("044") == std::vector<float>{3});
  CHECK(source.Values("u") == std::vector<float>{4});
  for (const char* id : {"042", "44", "45", ""}) CHECK(!source.Has(id));
}

TEST_CASE("a key of type STRING, which SQLite takes for a number, matches texts too") {
  Source source({"CREATE TABLE user_features (user_id STRING PRIMARY KEY, x REAL)",
                 "INSERT INTO user_features VALUES ('u1', 1), ('7', 2)"});
  REQUIRE(source.Open().ok());
  CHECK(source.Values("u1") == std::vector<float>{1});
  CHECK(source.Values("7") == std::vector<float>{2});
  CHECK(!source.Has("07"));
}

TEST_CASE("numeric and boolean columns are features, others are left out with one log line") {
  Source source(
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
  Source source(
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
  Source source(
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
  Source source({"CREATE TABLE people (id INTEGER PRIMARY KEY, born INTEGER, name TEXT)",
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

TEST_CASE("a view whose key is an expression matches the canonical text") {
  Source source({"CREATE TABLE people (id INTEGER PRIMARY KEY, x REAL)",
                 "INSERT INTO people VALUES (42, 1)",
                 "CREATE VIEW as_text AS SELECT CAST(id AS TEXT) AS user_id, x FROM people",
                 "CREATE VIEW as_number AS SELECT id + 0 AS user_id, x FROM people"});
  for (const char* view : {"as_text", "as_number"}) {
    REQUIRE(source.Open(view).ok());
    CHECK(source.Values("42") == std::vector<float>{1});
    CHECK(!source.Has("042"));
  }
}

TEST_CASE("a key without an index is said in the log once") {
  Source source({"CREATE TABLE user_features (user_id TEXT, x REAL)",
                 "INSERT INTO user_features VALUES ('u', 1)"});
  const CapturedLog log;
  REQUIRE(source.Open().ok());
  CHECK(source.Has("u"));
  CHECK(log.Count("scans the table") == 1);
  CHECK(log.Count("user_id") == 1);
}

TEST_CASE("names with quotes and keywords are names") {
  Source source(
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
  Source source({"CREATE TABLE users (id TEXT, age INTEGER)", "CREATE VIEW grown AS SELECT 1 AS x",
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
  std::filesystem::resize_file(source.path(), 0);
  CheckError(source.Open(), {"--feature_table", "none at all"});
}

TEST_CASE("the source's journal mode is left as it is") {
  const std::string mode = GENERATE("delete", "wal", "truncate");
  const std::string pragma = "PRAGMA journal_mode = " + mode;
  Source source({pragma, "CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL)",
                 "INSERT INTO user_features VALUES ('u', 1)"});
  REQUIRE(source.Open().ok());
  CHECK(source.Has("u"));
  // What is kept in the file is whether it has a write-ahead log.
  CHECK((Query(source.path(), "PRAGMA journal_mode") == "wal") == (mode == "wal"));
}

}  // namespace
}  // namespace predictd
