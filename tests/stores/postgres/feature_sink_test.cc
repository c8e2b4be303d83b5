// What sinks of both kinds do.
#include "server/sql/feature_sink.h"

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/stores/postgres/feature_sink_rig.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

TEMPLATE_TEST_CASE("a sink creates the table, then changes and adds rows", "", SqliteSinkRig,
                   PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  CHECK(
      test.AllGood({"age", "It's \"a\" score"}, {{"u1", {41.5, -0.1}}, {"u2", {kMissing, 1e30}}}));
  CHECK(test.Get("SELECT count(*) FROM user_features") == "2");
  CHECK(test.Get("SELECT age FROM user_features WHERE user_id = 'u1'") == "41.5");
  CHECK(test.Get("SELECT \"It's \"\"a\"\" score\" FROM user_features WHERE user_id = 'u1'") ==
        "-0.1");
  CHECK(
      test.Get("SELECT age IS NULL FROM user_features WHERE user_id = 'u2'").find_first_of("1t") ==
      0);
  // Columns not named stay, and are missing in a new row.
  CHECK(test.AllGood({"age"}, {{"u1", {42}}, {"u3", {7}}}));
  CHECK(test.Get("SELECT age FROM user_features WHERE user_id = 'u1'").substr(0, 2) == "42");
  CHECK(test.Get("SELECT \"It's \"\"a\"\" score\" FROM user_features WHERE user_id = 'u1'") ==
        "-0.1");
  CHECK(test.Get("SELECT count(*) FROM user_features WHERE \"It's \"\"a\"\" score\" IS NULL") ==
        "1");
  // A value can be taken away, and what was written can be written again.
  CHECK(test.AllGood({"age"}, {{"u1", {kMissing}}, {"u3", {7}}}));
  CHECK(test.Get("SELECT count(*) FROM user_features WHERE age IS NULL") == "2");
  CHECK(test.AllGood({"age"}, {}));
}

TEMPLATE_TEST_CASE("of several rows of one user the last good one is written", "", SqliteSinkRig,
                   PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  const Statuses statuses = test.Write({"x"}, {{"u", {1}}, {"v", {5}}, {"u", {2}}, {"u", {1e300}}});
  CHECK(statuses[0].ok());
  CHECK(statuses[2].ok());
  CHECK(IsRefused(statuses[3], "'x'"));
  CHECK(test.Get("SELECT x FROM user_features WHERE user_id = 'u'").substr(0, 1) == "2");
}

TEMPLATE_TEST_CASE("a row that is wrong is refused alone, saying why", "", SqliteSinkRig,
                   PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  test.Do(
      "CREATE TABLE user_features (user_id BIGINT PRIMARY KEY, n INTEGER, b BOOLEAN, x REAL, "
      "plan TEXT, CHECK (x <> 13))");
  const Statuses statuses = test.Write({"n", "b", "x"}, {{"1", {-7, 1, 0.5}},
                                                         {"042", {1, 1, 1}},
                                                         {"abc", {1, 1, 1}},
                                                         {"", {1, 1, 1}},
                                                         {std::string(513, '1'), {1, 1, 1}},
                                                         {std::string("2\0", 2), {1, 1, 1}},
                                                         {"9223372036854775808", {1, 1, 1}},
                                                         {"3", {1.5, 1, 1}},
                                                         {"4", {1e19, 1, 1}},
                                                         {"5", {1, 2, 1}},
                                                         {"6", {1, 1}},
                                                         {"7", {1, 1, 1e39}},
                                                         {"8", {1, 0, 13}},
                                                         {"-9", {kMissing, kMissing, kMissing}}});
  CHECK(statuses[0].ok());
  CHECK(IsRefused(statuses[1], "'042'"));
  CHECK(IsRefused(statuses[2], "'abc'"));
  CHECK(IsRefused(statuses[3], "empty"));
  CHECK(IsRefused(statuses[4], "513 bytes"));
  CHECK(IsRefused(statuses[5], "NUL"));
  CHECK(IsRefused(statuses[6], "'9223372036854775808'"));
  CHECK(IsRefused(statuses[7], "'n' is 1.5"));
  CHECK(IsRefused(statuses[8], "'n' is 1e+19"));
  CHECK(IsRefused(statuses[9], "'b' is 2"));
  CHECK(IsRefused(statuses[10], "2 values for 3 names"));
  CHECK(IsRefused(statuses[11], "'x' is 1e+39"));
  CHECK(IsRefused(statuses[12], ""));
  CHECK(statuses[13].ok());
  CHECK(test.Get("SELECT count(*) FROM user_features") == "2");
  CHECK(test.Get("SELECT n FROM user_features WHERE user_id = 1 AND b AND x = 0.5") == "-7");
}

TEMPLATE_TEST_CASE("names that are no features are an error that lists the columns", "",
                   SqliteSinkRig, PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  test.Do("CREATE TABLE user_features (user_id TEXT PRIMARY KEY, age REAL, score REAL, plan TEXT)");
  const auto fails = [&](const Names& names, std::initializer_list<const char*> parts) {
    const auto statuses = test.Try(names, {{"u", {1, 1}}});
    CHECK(absl::IsInvalidArgument(statuses.status()));
    CheckError(statuses.status(), parts);
  };
  fails({"age", "agee"}, {"'agee'", "user_features", "'age', 'score'"});
  fails({"age", "plan"}, {"'plan'", "no feature column"});
  fails({"age", "user_id"}, {"'user_id'", "user ids"});
  fails({"age", "age"}, {"'age'", "twice"});
  fails({"age", ""}, {"empty"});
  fails({"age", std::string("x\0", 2)}, {"NUL"});
  fails({}, {"names"});
  CHECK(test.Get("SELECT count(*) FROM user_features") == "0");
  CHECK(test.AllGood({"score", "age"}, {{"u", {2, 1}}}));
}

TEMPLATE_TEST_CASE("a table that cannot be written is an error that says what to do", "",
                   SqliteSinkRig, PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  const auto fails = [&](std::initializer_list<const char*> parts) {
    const auto statuses = test.Try({"x"}, {{"u", {1}}});
    CHECK(absl::IsFailedPrecondition(statuses.status()));
    CheckError(statuses.status(), parts);
  };
  test.Do("CREATE TABLE base (user_id TEXT, x REAL)");
  test.Do("CREATE VIEW user_features AS SELECT * FROM base");
  fails({"user_features", "view", "--feature_table"});
  test.Do("DROP VIEW user_features");
  test.Do("ALTER TABLE base RENAME TO user_features");
  fails({"no unique index on 'user_id'", "CREATE UNIQUE INDEX", "(\"user_id\")"});
  test.Do("CREATE UNIQUE INDEX two ON user_features (user_id, x)");
  test.Do("CREATE UNIQUE INDEX part ON user_features (user_id) WHERE x > 0");
  fails({"no unique index on 'user_id'"});
  test.Do("CREATE UNIQUE INDEX whole ON user_features (user_id)");
  CHECK(test.AllGood({"x"}, {{"u", {1}}, {"u", {2}}}));
  CHECK(test.Get("SELECT count(*) FROM user_features") == "1");
  test.sink = test.Make("user_features", "uid");
  fails({"--feature_key", "'uid'"});
}

TEMPLATE_TEST_CASE("where a column that is not named needs a value, only known users are changed",
                   "", SqliteSinkRig, PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  test.Do(
      "CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL, plan TEXT NOT NULL, "
      "since TEXT NOT NULL DEFAULT '')");
  test.Do("INSERT INTO user_features (user_id, plan) VALUES ('a', 'free'), ('b', 'paid')");
  const Statuses statuses = test.Write({"x"}, {{"new", {1}}, {"a", {2}}, {"b", {3}}, {"a", {4}}});
  CHECK(IsRefused(statuses[0], "'plan'"));
  CHECK(statuses[1].ok());
  CHECK(statuses[2].ok());
  CHECK(statuses[3].ok());
  CHECK(test.Get("SELECT x FROM user_features WHERE user_id = 'a'").substr(0, 1) == "4");
  CHECK(test.Get("SELECT count(*) FROM user_features") == "2");
}

TEMPLATE_TEST_CASE("a table that is changed, dropped and made anew is followed", "", SqliteSinkRig,
                   PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  REQUIRE(test.AllGood({"x"}, {{"u", {1}}}));
  test.Do("ALTER TABLE user_features ADD COLUMN y INTEGER");
  CHECK(test.AllGood({"x", "y"}, {{"u", {2, 3}}}));
  CHECK(test.Get("SELECT y FROM user_features") == "3");
  test.Do("DROP TABLE user_features");
  CHECK(test.AllGood({"z"}, {{"u", {2}}}));
  CHECK(test.Get("SELECT count(z) FROM user_features") == "1");
}

TEMPLATE_TEST_CASE("many rows are written at once", "", SqliteSinkRig, PostgresSinkRig) {
  FeatureSinkRig<TestType> test;
  Records rows;
  for (int i = 0; i < 5000; ++i) rows.push_back({absl::StrCat("user-", i), {i + 0.5, -1.0 * i}});
  CHECK(test.AllGood({"x", "y"}, rows));
  CHECK(test.Get("SELECT count(*) FROM user_features") == "5000");
  CHECK(test.Get("SELECT sum(x + y) FROM user_features").substr(0, 4) == "2500");
}

}  // namespace
}  // namespace predictd
