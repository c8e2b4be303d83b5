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
