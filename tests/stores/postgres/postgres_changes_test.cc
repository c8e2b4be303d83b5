// A table of PostgreSQL that is changed while it is read.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/stores/postgres/postgres_rig.h"

namespace predictd {
namespace {

using Names = std::vector<std::string>;

constexpr char kTable[] =
    "CREATE TABLE user_features (user_id text PRIMARY KEY, x int, y int);"
    "INSERT INTO user_features SELECT n::text, n, 2 * n FROM generate_series(0, 99) n";

TEST_CASE("a dropped column of PostgreSQL is taken over by the reads that meet it") {
  PostgresRig rig(PostgresRig::Filled(kTable));
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.Values("3") == std::vector<float>{3, 6});
  const uint64_t generation = rig.source->schema_generation();
  rig.Do("ALTER TABLE user_features DROP COLUMN x");
  std::vector<const std::optional<PostgresAnswer>*> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(&rig.Ask(absl::StrCat(i)));
  REQUIRE(rig.Finish());
  for (int i = 0; i < 100; ++i) {
    INFO((*answers[i])->status().ToString());
    REQUIRE((*answers[i])->ok());
    const FeatureRow& row = ****answers[i];
    CHECK(row.schema->names() == Names{"y"});
    CHECK(row.values == FeatureValues{static_cast<float>(2 * i)});
  }
  CHECK(rig.names() == Names{"y"});
  CHECK(rig.source->schema_generation() == generation + 1);
  CHECK(log.Count("has other columns now table=user_features added=\"\" dropped=x") == 1);
  CHECK(log.Count("does not answer") == 0);
}

TEST_CASE("an added column of PostgreSQL is found by looking at the table now and then") {
  PostgresRig rig(PostgresRig::Filled(kTable));
  rig.options.look_interval = absl::Milliseconds(20);
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.Values("3") == std::vector<float>{3, 6});
  rig.Do("ALTER TABLE user_features ADD COLUMN z numeric DEFAULT 7.5, ADD COLUMN note text");
  REQUIRE(rig.loop.RunUntil([&] { return rig.Values("3").size() == 3; }, absl::Seconds(100)));
  CHECK(rig.Values("3") == std::vector<float>{3, 6, 7.5F});
  CHECK(rig.names() == Names{"x", "y", "z"});
  CHECK(log.Count("added=z dropped=\"\" features=3") == 1);
}

TEST_CASE("a column of PostgreSQL that changes its type stays itself or is left out") {
  PostgresRig rig(PostgresRig::Filled(kTable));
  REQUIRE(rig.Open().ok());
  CHECK(rig.Values("3") == std::vector<float>{3, 6});
  rig.Do("ALTER TABLE user_features ALTER COLUMN x TYPE float8 USING x + 0.5");
  CHECK(rig.Values("3") == std::vector<float>{3.5F, 6});
  rig.Do("ALTER TABLE user_features ALTER COLUMN x TYPE boolean USING x > 3");
  CHECK(rig.Values("3") == std::vector<float>{1, 6});
  rig.Do("ALTER TABLE user_features ALTER COLUMN x TYPE date USING current_date");
  CHECK(rig.Values("3") == std::vector<float>{6});
  CHECK(rig.names() == Names{"y"});
  rig.Do("ALTER TABLE user_features ALTER COLUMN user_id TYPE int USING user_id::int");
  CHECK(rig.Values("4") == std::vector<float>{8});
  CHECK(!rig.Has("04"));
}

TEST_CASE("a table of PostgreSQL that is dropped fails reads until it is made anew") {
  PostgresRig rig(PostgresRig::Filled(kTable));
  REQUIRE(rig.Open().ok());
  CHECK(rig.Has("3"));
  rig.Do("DROP TABLE user_features");
  CheckMessage(rig.Read("3").status(), {"does not exist yet"});
  rig.Do("CREATE TABLE other (x int)");
  REQUIRE(rig.loop.RunUntil([&] {
    const absl::Status status = rig.Read("3").status();
    CHECK(absl::IsUnavailable(status));
    return std::string(status.message()).find("there is other") != std::string::npos;
  }));
  CHECK(rig.names() == Names{"x", "y"});
  rig.Do(
      "CREATE TABLE user_features (b int, user_id int PRIMARY KEY);"
      "INSERT INTO user_features VALUES (9, 3)");
  CHECK(rig.WorksAgain("3"));
  CHECK(rig.Values("3") == std::vector<float>{9});
  CHECK(!rig.Has("03"));
}

TEST_CASE("a table of PostgreSQL that is replaced again and again never gives a wrong column") {
  PostgresRig rig(PostgresRig::Filled(""));
  const auto replace = [&rig](int round) {
    const std::string first = round % 2 == 0 ? "x int, y int" : "y int, z int, x int";
    const std::string values = round % 2 == 0 ? "1, 2" : "2, 3, 1";
    rig.Do(absl::StrCat("BEGIN; DROP TABLE IF EXISTS user_features; CREATE TABLE user_features (",
                        "user_id text PRIMARY KEY, ", first,
                        "); INSERT INTO user_features VALUES ('u', ", values, "); COMMIT"));
  };
  replace(0);
  REQUIRE(rig.Open().ok());
  for (int round = 1; round < 20; ++round) {
    std::vector<const std::optional<PostgresAnswer>*> answers;
    for (int i = 0; i < 20; ++i) answers.push_back(&rig.Ask("u"));
    for (int turn = 0; turn < round % 4; ++turn) rig.loop.RunTurn();
    replace(round);
    for (int i = 0; i < 20; ++i) answers.push_back(&rig.Ask("u"));
    REQUIRE(rig.Finish());
    for (const auto* answer : answers) {
      INFO((*answer)->status().ToString());
      REQUIRE((*answer)->ok());
      const FeatureRow& row = ****answer;
      for (const auto& [name, value] : {std::pair{"x", 1}, {"y", 2}, {"z", 3}}) {
        const int at = row.schema->Find(name);
        if (at >= 0) CHECK(row.values[at] == static_cast<float>(value));
      }
    }
  }
}

}  // namespace
}  // namespace predictd
