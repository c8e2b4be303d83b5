#include "server/sql/sqlite_feature_sink.h"

#include <filesystem>

#include "tests/catch.h"
#include "tests/stores/postgres/feature_sink_rig.h"
#include "tests/unit/sql/small_disk.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

using Rig = FeatureSinkRig<SqliteSinkRig>;

TEST_CASE("the journal mode of the user's file stays as it is") {
  const std::string journal = GENERATE("delete", "wal", "truncate");
  Rig test;
  Query(test.path, "PRAGMA journal_mode = " + journal);
  REQUIRE(test.AllGood({"x"}, {{"u", {1}}}));
  const std::string expected = journal == "wal" ? "wal" : "delete";
  CHECK(Query(test.path, "PRAGMA journal_mode") == expected);
}

TEST_CASE("a user id is written as the key that is read for it") {
  Rig test;
  SECTION("a key without a type keeps the number or the text that is there") {
    test.Do("CREATE TABLE user_features (user_id PRIMARY KEY, x REAL)");
    test.Do("INSERT INTO user_features VALUES (42, 0), ('43', 0)");
    CHECK(test.AllGood({"x"}, {{"42", {1}}, {"43", {2}}, {"44", {3}}, {"a", {4}}}));
    CHECK(test.Get("SELECT group_concat(user_id || ' ' || typeof(user_id) || ' ' || x) FROM "
                   "(SELECT * FROM user_features ORDER BY x)") ==
          "42 integer 1.0,43 text 2.0,44 text 3.0,a text 4.0");
  }
  SECTION("a key that would become another number is refused") {
    test.Do("CREATE TABLE user_features (user_id STRING PRIMARY KEY, x REAL)");
    const Statuses statuses = test.Write({"x"}, {{"42", {1}},
                                                 {"042", {1}},
                                                 {"1e3", {1}},
                                                 {" 7", {1}},
                                                 {"+7", {1}},
                                                 {"4.5", {1}},
                                                 {"abc", {1}},
                                                 {"-", {1}},
                                                 {"0x10", {1}}});
    CHECK(statuses[0].ok());
    for (int i = 1; i <= 5; ++i) CHECK(absl::IsInvalidArgument(statuses[i]));
    for (int i = 6; i <= 8; ++i) CHECK(statuses[i].ok());
    CHECK(test.Get(
              "SELECT count(*) FROM user_features WHERE user_id IN ('42', 'abc', '-', '0x10')") ==
          "4");
  }
  SECTION("a collation that takes two users for one does not mix them up") {
    test.Do("CREATE TABLE user_features (user_id TEXT COLLATE NOCASE PRIMARY KEY, x REAL)");
    const Statuses statuses = test.Write({"x"}, {{"Ann", {1}}, {"ann", {2}}, {"Ann", {3}}});
    CHECK(statuses[0].ok());
    CHECK(IsRefused(statuses[1], "another"));
    CHECK(statuses[2].ok());
    CHECK(test.Get("SELECT user_id || x FROM user_features") == "Ann3.0");
  }
}

TEST_CASE("a file that is locked or full is an error that names it, and passes") {
  Rig test;
  REQUIRE(test.AllGood({"x"}, {{"u", {1}}}));
  SECTION("locked") {
    test.sink = std::make_unique<SqliteFeatureSink>(
        SqliteFeatureSink::Options{test.path, "user_features", "user_id", absl::Milliseconds(50)},
        test.clock);
    const auto other = Connect(test.path);
    Execute(*other, {"BEGIN IMMEDIATE"});
    const auto statuses = test.Try({"x"}, {{"u", {2}}});
    CheckError(statuses.status(), {"users.db", "locked"});
    CHECK(!absl::IsInvalidArgument(statuses.status()));
    Execute(*other, {"COMMIT"});
    test.sink.reset();
  }
  SECTION("full") {
    const SmallDisk disk(30000);
    Records rows(5000);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = {std::to_string(i), {1}};
    const auto statuses = test.Try({"x"}, rows);
    CHECK(absl::IsUnavailable(statuses.status()));
    CheckError(statuses.status(), {"users.db"});
  }
  SECTION("moved away") {
    std::filesystem::rename(test.path, test.path + ".old");
    CHECK(test.AllGood({"x"}, {{"v", {2}}}));
    CHECK(test.Get("SELECT count(*) FROM user_features") == "1");
  }
  CHECK(test.AllGood({"x"}, {{"u", {2}}}));
}

TEST_CASE("a trigger that ends the transaction fails the whole write") {
  Rig test;
  test.Do("CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL)");
  test.Do(
      "CREATE TRIGGER no_bob BEFORE INSERT ON user_features WHEN new.user_id = 'bob' "
      "BEGIN SELECT RAISE(ROLLBACK, 'not bob'); END");
  CheckError(test.Try({"x"}, {{"a", {1}}, {"bob", {1}}}).status(), {"not bob"});
  CHECK(test.Get("SELECT count(*) FROM user_features") == "0");
  CHECK(test.AllGood({"x"}, {{"a", {1}}}));
}

}  // namespace
}  // namespace predictd
