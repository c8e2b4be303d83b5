#include "server/sql/postgres_feature_sink.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/stores/postgres/feature_sink_rig.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

using Rig = FeatureSinkRig<PostgresSinkRig>;

TEST_CASE("PostgreSQL's numeric types hold what fits into them") {
  Rig test;
  test.Do(
      "CREATE DOMAIN share AS double precision CHECK (VALUE BETWEEN 0 AND 1); "
      "CREATE TABLE user_features (user_id VARCHAR(4) PRIMARY KEY, s SMALLINT, i INT, "
      "l BIGINT, f REAL, d DOUBLE PRECISION, n NUMERIC(6,2), b BOOL, share share)");
  const Names names = {"s", "i", "l", "f", "d", "n", "b", "share"};
  const auto row = [](const std::string& user, size_t at, double value) {
    FeatureRecord record{user, {1, 1, 1, 1, 1, 1, 1, 1}};
    record.values[at] = value;
    return record;
  };
  const Statuses statuses =
      test.Write(names, {row("good", 5, 1234.56), row("a", 0, 32768), row("b", 1, 2147483648.0),
                         row("c", 2, 9223372036854775807.0), row("d", 3, 3.5e38),
                         row("e", 5, 12345), row("f", 6, 0.5), row("g", 7, 2), row("toolong", 0, 1),
                         row("h", 2, -9223372036854775808.0)});
  CHECK(statuses[0].ok());
  for (int i = 1; i <= 8; ++i) {
    INFO(i);
    CHECK(absl::IsInvalidArgument(statuses[i]));
  }
  CHECK(statuses[9].ok());
  CHECK(test.Get("SELECT n FROM user_features WHERE user_id = 'good' AND b") == "1234.56");
  CHECK(test.Get("SELECT l FROM user_features WHERE user_id = 'h'") == "-9223372036854775808");
}

TEST_CASE("an integer key of PostgreSQL takes what it holds") {
  Rig test;
  test.Do("CREATE TABLE user_features (user_id SMALLINT PRIMARY KEY, x REAL)");
  const Statuses statuses =
      test.Write({"x"}, {{"32767", {1}}, {"32768", {1}}, {"-0", {1}}, {"-32768", {1}}});
  CHECK(statuses[0].ok());
  CHECK(IsRefused(statuses[1], "'32768'"));
  CHECK(IsRefused(statuses[2], "'-0'"));
  CHECK(statuses[3].ok());
}

TEST_CASE("a user whose id the collation takes for another's does not get that one's row") {
  Rig test;
  test.Do(
      "CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2', deterministic = false); "
      "CREATE TABLE user_features (user_id TEXT COLLATE folds PRIMARY KEY, x REAL, plan TEXT)");
  REQUIRE(test.AllGood({"x"}, {{"a", {1}}}));
  Statuses statuses = test.Write({"x"}, {{"A", {2}}, {"b", {3}}, {"B", {4}}, {"a", {5}}});
  CHECK(IsRefused(statuses[0], "takes the user id for another one"));
  // Which of two new ones comes first is not said.
  CHECK(statuses[1].ok() != statuses[2].ok());
  CHECK(statuses[3].ok());
  CHECK(test.Get("SELECT string_agg(lower(user_id) || x, ',' ORDER BY x) FROM user_features "
                 "WHERE user_id = 'a'") == "a5");
  CHECK(test.Get("SELECT user_id FROM user_features WHERE user_id = 'a'") == "a");
  test.Do("UPDATE user_features SET plan = ''; ALTER TABLE user_features ALTER plan SET NOT NULL");
  statuses = test.Write({"x"}, {{"A", {6}}, {"a", {7}}});
  CHECK(IsRefused(statuses[0], "the user is new"));
  CHECK(statuses[1].ok());
  CHECK(test.Get("SELECT x FROM user_features WHERE user_id = 'a'") == "7");
}

TEST_CASE("what can be the key of a row that is read can be the key of one that is written") {
  Rig test;
  SECTION("uuid") {
    test.Do("CREATE TABLE user_features (user_id UUID PRIMARY KEY, x REAL)");
    const std::string id = "0190b0c0-0000-7000-8000-00000000000a";
    REQUIRE(test.AllGood({"x"}, {{id, {1}}}));
    const Statuses statuses =
        test.Write({"x"}, {{"0190B0C0-0000-7000-8000-00000000000A", {2}}, {"u", {3}}, {id, {4}}});
    CHECK(IsRefused(statuses[0], "no uuid"));
    CHECK(IsRefused(statuses[1], "'u'"));
    CHECK(statuses[2].ok());
    CHECK(test.Get("SELECT x FROM user_features") == "4");
  }
  SECTION("char") {
    test.Do("CREATE TABLE user_features (user_id CHAR(4) PRIMARY KEY, x REAL, plan TEXT)");
    REQUIRE(test.AllGood({"x"}, {{"ab", {1}}}));
    const Statuses statuses =
        test.Write({"x"}, {{"ab ", {2}}, {"abcde", {3}}, {"ab", {4}}, {"abcd", {5}}});
    CHECK(IsRefused(statuses[0], "no text that the table's key"));
    CHECK(absl::IsInvalidArgument(statuses[1]));
    CHECK(statuses[2].ok());
    CHECK(statuses[3].ok());
    CHECK(test.Get("SELECT sum(x) FROM user_features") == "9");
    test.Do(
        "UPDATE user_features SET plan = ''; ALTER TABLE user_features ALTER plan SET NOT NULL");
    CHECK(test.AllGood({"x"}, {{"ab", {6}}}));
    CHECK(test.Get("SELECT x FROM user_features WHERE user_id = 'ab'") == "6");
  }
  SECTION("a domain of a domain") {
    test.Do(
        "CREATE DOMAIN word AS TEXT; CREATE DOMAIN id AS word; CREATE DOMAIN whole AS INT; "
        "CREATE DOMAIN age AS whole; CREATE TABLE user_features (user_id id PRIMARY KEY, age age)");
    const Statuses statuses = test.Write({"age"}, {{"u", {1.5}}, {"v", {2}}});
    CHECK(IsRefused(statuses[0], "age"));
    CHECK(statuses[1].ok());
  }
}

TEST_CASE("a name with a dot is a schema's table before it is a table's with a dot") {
  Rig test;
  test.Do("CREATE SCHEMA ml; CREATE TABLE \"ml.users\" (user_id TEXT PRIMARY KEY, x REAL)");
  test.sink = test.Make("ml.users", "user_id");
  CHECK(test.AllGood({"x"}, {{"u", {1}}}));
  test.Do("CREATE TABLE ml.users (user_id TEXT PRIMARY KEY, x REAL)");
  CHECK(test.AllGood({"x"}, {{"u", {2}}}));
  CHECK(test.Get("SELECT x FROM \"ml.users\"") == "1");
  CHECK(test.Get("SELECT x FROM ml.users") == "2");
}

TEST_CASE("a table of PostgreSQL can be in a schema, and is created there") {
  Rig test;
  test.Do("CREATE SCHEMA ml");
  test.sink = test.Make("ml.user_features", "uid");
  CHECK(test.AllGood({"x"}, {{"u", {1}}}));
  CHECK(test.AllGood({"x"}, {{"u", {2}}}));
  CHECK(test.Get("SELECT x FROM ml.user_features WHERE uid = 'u'") == "2");
}

TEST_CASE("columns that only PostgreSQL writes are no features, and long names are refused") {
  Rig test;
  test.Do(
      "CREATE TABLE user_features (user_id TEXT PRIMARY KEY, x REAL, "
      "y REAL GENERATED ALWAYS AS (x * 2) STORED, n INT GENERATED ALWAYS AS IDENTITY)");
  CheckError(test.Try({"y"}, {{"u", {1}}}).status(), {"'y'", "there is 'x'"});
  CHECK(test.AllGood({"x"}, {{"u", {1}}}));
  CHECK(test.Get("SELECT y FROM user_features") == "2");
  const std::string name(64, 'n');
  CheckError(test.Try({name}, {{"u", {1}}}).status(), {"63 bytes"});
}

TEST_CASE("writing to PostgreSQL works at once after its back end was terminated") {
  Rig test;
  REQUIRE(test.AllGood({"x"}, {{"u", {1}}}));
  test.database.Terminate();
  CHECK(test.AllGood({"x"}, {{"u", {2}}}));
  test.database.server().Kill();
  CHECK(absl::IsUnavailable(test.Try({"x"}, {{"u", {3}}}).status()));
  test.database.server().Start();
  CHECK(test.AllGood({"x"}, {{"u", {3}}}));
}

TEST_CASE("a hanging, read-only or forbidding PostgreSQL is an error of the whole write") {
  Rig test;
  REQUIRE(test.AllGood({"x"}, {{"u", {1}}}));
  SECTION("hanging") {
    test.sink = std::make_unique<PostgresFeatureSink>(
        PostgresFeatureSink::Options{test.database.url(), "user_features", "user_id",
                                     absl::Milliseconds(200), absl::Milliseconds(200)},
        test.clock);
    test.database.server().Stop();
    CHECK(absl::IsDeadlineExceeded(test.Try({"x"}, {{"u", {2}}}).status()));
    test.database.server().Continue();
    test.sink.reset();
  }
  SECTION("read-only") {
    test.sink.reset();
    test.database.server().Do("ALTER DATABASE " + test.database.name() +
                              " SET default_transaction_read_only = on");
    const auto statuses = test.Try({"x"}, {{"u", {2}}});
    CHECK(absl::IsUnavailable(statuses.status()));
    CheckError(statuses.status(), {"read-only"});
    test.database.server().Do("ALTER DATABASE " + test.database.name() +
                              " RESET default_transaction_read_only");
  }
  SECTION("forbidding") {
    const std::string user = "writer_" + test.database.name();
    test.database.server().Do("CREATE ROLE " + user + " LOGIN");
    test.sink = std::make_unique<PostgresFeatureSink>(
        PostgresFeatureSink::Options{test.database.url(user)}, test.clock);
    CHECK(absl::IsPermissionDenied(test.Try({"x"}, {{"u", {2}}}).status()));
    test.Do("GRANT SELECT, INSERT, UPDATE ON user_features TO " + user);
  }
  CHECK(test.AllGood({"x"}, {{"u", {2}}}));
}

TEST_CASE("servers that write the same users at the same time all succeed") {
  Rig test;
  REQUIRE(test.AllGood({"x"}, {{"u", {1}}}));
  std::vector<std::thread> servers;
  std::atomic<int> failed{0};
  for (int i = 0; i < 4; ++i) {
    servers.emplace_back([&, i] {
      const auto sink = test.Make("user_features", "user_id");
      for (int round = 0; round < 20; ++round) {
        Records rows;
        for (int user = 0; user < 200; ++user) {
          const int turned = i % 2 == 0 ? user : 199 - user;
          rows.push_back({absl::StrCat("user-", turned), {1.0 * round}});
        }
        const auto statuses = sink->Write(Names{"x"}, rows);
        if (!statuses.ok()) ++failed;
      }
    });
  }
  for (std::thread& server : servers) server.join();
  CHECK(failed == 0);
  CHECK(test.Get("SELECT count(*) FROM user_features WHERE x = 19") == "200");
}

}  // namespace
}  // namespace predictd
