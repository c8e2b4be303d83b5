// What a PostgreSQL source finds when it starts.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/stores/postgres/deaf_server.h"
#include "tests/stores/postgres/postgres_rig.h"

namespace predictd {
namespace {

absl::Status OpenTable(const std::string& url, std::string table, std::string key = "user_id") {
  PostgresRig rig(url);
  rig.options.table = std::move(table);
  rig.options.key_column = std::move(key);
  return rig.Open();
}

TEST_CASE("a wrong table or column of PostgreSQL ends the start and says what there is") {
  const std::string url = PostgresRig::Filled(
      "CREATE TABLE users (id text, age int); CREATE VIEW grown AS SELECT 1 AS x;"
      "CREATE SCHEMA other; CREATE TABLE other.words (id text, word text);"
      "CREATE TABLE r (id float8, x int); CREATE TABLE secret (user_id text, x int);"
      "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'guest') THEN "
      "CREATE ROLE guest LOGIN; END IF; END $$");
  CheckMessage(OpenTable(url, "user_features"),
               {"--feature_table", "'user_features'", "grown, other.words, r, secret, users"});
  CheckMessage(OpenTable(url, "Users"), {"--feature_table", "'Users'", "users"});
  CheckMessage(OpenTable(url, "nowhere.users"), {"--feature_table", "'nowhere.users'"});
  CheckMessage(OpenTable(url, "users"), {"--feature_key", "'user_id'", "'users'", "id, age"});
  CheckMessage(OpenTable(url, "other.words", "id"), {"--feature_table", "numeric", "id, word"});
  CheckMessage(OpenTable(url, "r", "id"), {"--feature_key", "double precision", "text, uuid or"});
  std::string as_guest = url;
  as_guest.replace(url.find("test@"), 4, "guest");
  CheckMessage(OpenTable(as_guest, "secret"), {"--feature_table", "permission denied", "grant"});
  CHECK(OpenTable(url, "users", "id").ok());
}

TEST_CASE("a database or user that PostgreSQL refuses ends the start, without the password") {
  CheckMessage(OpenTable(SharedPostgres().url("nothing"), "t"),
               {"--feature_source", "\"nothing\" does not exist", "name a database"});
  CheckMessage(OpenTable(SharedPostgres().url("postgres", "nobody:hush"), "t"),
               {"--feature_source", "\"nobody\" does not exist", "check the user"});

  PostgresServer server;
  server.Do(
      "CREATE ROLE alice LOGIN PASSWORD 'right'; CREATE TABLE t (user_id text, x int);"
      "GRANT SELECT ON t TO alice; INSERT INTO t VALUES ('u', 1)");
  server.SetAuthentication("local all test trust\nlocal all all scram-sha-256\n");
  server.Restart();
  for (const char* user : {"alice:wrong", "alice"}) {
    const absl::Status status = OpenTable(server.url("postgres", user), "t");
    CheckMessage(status, {"--feature_source", "password", "check the user and the password"});
    CHECK(std::string(status.message()).find("wrong") == std::string::npos);
  }
  PostgresRig rig(server.url("postgres", "alice:right"));
  rig.options.table = "t";
  REQUIRE(rig.Open().ok());
  CHECK(rig.Has("u"));
}

TEST_CASE("a database without tables is a start, and the table is taken over when it comes") {
  // Neither an extension's view nor the table of saved predictions counts.
  PostgresRig rig(PostgresRig::Filled("CREATE TABLE predictions (x int)"));
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  const std::string message =
      "feature table 'user_features' does not exist yet; fill it with `predict features put`";
  CHECK(log.Count(message) == 1);
  CHECK(rig.source->schema() == nullptr);
  CHECK(rig.source->schema_generation() == 0);
  const PostgresAnswer none = rig.Read("u");
  CHECK(absl::IsUnavailable(none.status()));
  CHECK(none.status().message() == message);
  rig.Do(
      "CREATE TABLE user_features (user_id text PRIMARY KEY, x int);"
      "INSERT INTO user_features VALUES ('u', 1)");
  CHECK(rig.WorksAgain("u"));
  CHECK(rig.Values("u") == std::vector<float>{1});
  CHECK(rig.source->schema_generation() != 0);
  INFO(log.text());
  CHECK(log.Count("does not answer") == 0);
}

TEST_CASE("a PostgreSQL that is not there at the start is read once it is") {
  PostgresServer server;
  server.Do(
      "CREATE TABLE user_features (user_id text PRIMARY KEY, x int);"
      "INSERT INTO user_features VALUES ('u', 1)");
  server.Kill();
  PostgresRig rig(server.url());
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.source->schema() == nullptr);
  for (int i = 0; i < 3; ++i) {
    const PostgresAnswer down = rig.Read("u");
    CHECK(absl::IsUnavailable(down.status()));
    CheckMessage(down.status(),
                 {"feature source 'postgresql://", "has not answered since", "socket"});
  }
  server.Start();
  CHECK(rig.WorksAgain("u"));
  CHECK(rig.names() == std::vector<std::string>{"x"});
  CHECK(log.Count("does not answer") == 1);
  CHECK(log.Count("answers again") == 1);
  CHECK(rig.Errors("unreachable") >= 4);
}

TEST_CASE("what kept the first look from the table is no reason once the table is known") {
  PostgresServer server;
  server.Do(
      "CREATE ROLE alice LOGIN CONNECTION LIMIT 1;"
      "CREATE TABLE user_features (user_id text PRIMARY KEY, x int);"
      "INSERT INTO user_features VALUES ('u', 1); GRANT SELECT ON user_features TO alice");
  server.Kill();
  PostgresRig rig(server.url("postgres", "alice"));
  rig.connections = 1;
  rig.options.look_interval = absl::Seconds(2);
  REQUIRE(rig.Open().ok());
  server.Start();
  // The connection is up, and no second one to look at the table.
  REQUIRE(rig.loop.RunUntil(
      [&] { return absl::StrContains(rig.Read("u").status().message(), "too many connections"); },
      absl::Seconds(100)));
  server.Do("ALTER ROLE alice CONNECTION LIMIT -1");
  REQUIRE(rig.WorksAgain("u"));

  // The connection closes, and the next one takes its time: the read waits for it.
  server.Do(
      "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'alice'");
  server.Stop();
  rig.loop.RunFor(absl::Milliseconds(200));
  const std::optional<PostgresAnswer>& answer = rig.Ask("u");
  server.Continue();
  REQUIRE(rig.Finish());
  INFO(answer->status().ToString());
  CHECK(answer->ok());
}

TEST_CASE("what is no PostgreSQL, or never answers, does not keep predictd from starting") {
  const std::string says = GENERATE("HTTP/1.1 400 Bad Request\r\n\r\n", "E", "");
  const DeafServer server(says);
  PostgresRig rig(absl::StrCat("postgresql://u:hush@127.0.0.1:", server.port(), "/d"));
  const CapturedLog log;
  const absl::Time start = absl::Now();
  REQUIRE(rig.Open().ok());
  CHECK(absl::Now() - start < absl::Seconds(60));
  const PostgresAnswer answer = rig.Read("u");
  CheckMessage(answer.status(), {"127.0.0.1", "has not answered since"});
  CHECK(log.Count("does not answer") == 1);
  CHECK(log.Count("hush") == 0);
}

TEST_CASE("of several hosts the one that answers is found") {
  const DeafServer deaf("");
  const std::string url = PostgresRig::Filled(
      "CREATE TABLE user_features (user_id text, x int);"
      "INSERT INTO user_features VALUES ('u', 1)");
  const std::string database =
      url.substr(url.rfind("source_"), url.find('?') - url.rfind("source_"));
  PostgresRig rig(absl::StrCat("postgresql://test@/", database, "?host=127.0.0.1,",
                               SharedPostgres().folder().string(), "&port=", deaf.port(),
                               ",5432&sslmode=disable"));
  REQUIRE(rig.Open().ok());
  CHECK(rig.WorksAgain("u"));
}

TEST_CASE("connections are shared out between loops, at least one each") {
  CHECK(ConnectionsOfLoop(5, 2, 0) == 3);
  CHECK(ConnectionsOfLoop(5, 2, 1) == 2);
  CHECK(ConnectionsOfLoop(4, 2, 1) == 2);
  CHECK(ConnectionsOfLoop(1, 4, 0) == 1);
  CHECK(ConnectionsOfLoop(1, 4, 3) == 1);
}

}  // namespace
}  // namespace predictd
