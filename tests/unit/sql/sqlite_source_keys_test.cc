// Which row a user id finds.
#include "absl/strings/str_cat.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

TEST_CASE("an integer key matches its canonical text only") {
  const char* type = GENERATE("INTEGER PRIMARY KEY", "INT UNIQUE", "BIGINT", "NUMERIC UNIQUE");
  const std::string create =
      absl::StrCat("CREATE TABLE user_features (user_id ", type, ", x REAL)");
  SourceFile source({create,
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
  SourceFile source({create,
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
  SourceFile source({"CREATE TABLE user_features (user_id, x REAL)",
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
  SourceFile source({"CREATE TABLE user_features (user_id STRING PRIMARY KEY, x REAL)",
                     "INSERT INTO user_features VALUES ('u1', 1), ('7', 2)"});
  REQUIRE(source.Open().ok());
  CHECK(source.Values("u1") == std::vector<float>{1});
  CHECK(source.Values("7") == std::vector<float>{2});
  CHECK(!source.Has("07"));
}

TEST_CASE("a view whose key is an expression matches the canonical text") {
  SourceFile source({"CREATE TABLE people (id INTEGER PRIMARY KEY, x REAL)",
                     "INSERT INTO people VALUES (42, 1)",
                     "CREATE VIEW as_text AS SELECT CAST(id AS TEXT) AS user_id, x FROM people",
                     "CREATE VIEW as_number AS SELECT id + 0 AS user_id, x FROM people"});
  for (const char* view : {"as_text", "as_number"}) {
    REQUIRE(source.Open(view).ok());
    CHECK(source.Values("42") == std::vector<float>{1});
    CHECK(!source.Has("042"));
  }
}

}  // namespace
}  // namespace predictd
