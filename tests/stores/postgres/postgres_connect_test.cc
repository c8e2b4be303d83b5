// How the source, the store and the sink get to a PostgreSQL server, and when they leave it.
#include <netinet/tcp.h>

#include "absl/strings/str_cat.h"
#include "server/sql/postgres_link.h"
#include "tests/stores/postgres/deaf_server.h"
#include "tests/stores/postgres/feature_sink_rig.h"
#include "tests/stores/postgres/postgres_rig.h"
#include "tests/stores/postgres/postgres_store_rig.h"

namespace predictd {
namespace {

using std::string_literals::operator""s;

int OptionOf(const PGconn* session, int level, int name) {
  int value = 0;
  socklen_t length = sizeof(value);
  REQUIRE(::getsockopt(PQsocket(session), level, name, &value, &length) == 0);
  return value;
}

// Two hosts, of which the first takes connections and says nothing.
std::string BehindDeaf(const DeafServer& deaf, const PostgresDatabase& database) {
  return absl::StrCat("postgresql://test@/", database.name(), "?host=127.0.0.1,",
                      database.server().folder().string(), "&port=", deaf.port(),
                      ",5432&sslmode=disable");
}

// Sessions of predictd in that database.
std::string Sessions(const std::string& url) {
  return DoIn(url,
              "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity "
              "WHERE datname = current_database() AND application_name = 'predictd'");
}

TEST_CASE("a PostgreSQL that is gone without a word is noticed within seconds") {
  const DeafServer deaf("");
  const std::string url = absl::StrCat("postgresql://u@127.0.0.1:", deaf.port(), "/d");
  const LibpqSession session(PostgresOptions::Parse(url)->Start(0));
  CHECK(OptionOf(session.get(), SOL_SOCKET, SO_KEEPALIVE) != 0);
  CHECK(OptionOf(session.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 10);
  CHECK(OptionOf(session.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 15000);
  const LibpqSession other(PostgresOptions::Parse(url + "?tcp_user_timeout=7000")->Start(0));
  CHECK(OptionOf(other.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 7000);
}

TEST_CASE("a wrong password is told from the server's code, whatever its language") {
  const std::string fields = "SВАЖНО\0VFATAL\0C28P01\0Mне тот пароль\0\0"s;
  const DeafServer server("E\0\0\0"s + static_cast<char>(fields.size() + 4) + fields);
  const std::string url =
      absl::StrCat("postgresql://u:hush@127.0.0.1:", server.port(), "/d?sslmode=disable");
  PostgresRig rig(url);
  CheckMessage(rig.Open(),
               {"--feature_source", "не тот пароль", "check the user and the password"});
  PostgresStoreRig store;
  const absl::Status refused = store.TryOpen(url);
  CHECK(absl::IsPermissionDenied(refused));
  CheckMessage(refused, {"--save_to", "не тот пароль", "check the user and the password"});
  CHECK(std::string(refused.message()).find("create") == std::string::npos);
}

TEST_CASE("where the first of several hosts hangs, predictions and features go to the next") {
  const DeafServer deaf("");
  PostgresStoreRig test;
  const absl::Duration patience = absl::Milliseconds(500);
  auto store = PostgresStore::Create({BehindDeaf(deaf, test.database), patience, absl::Seconds(60)},
                                     test.clock);
  REQUIRE(store.ok());
  test.store = *std::move(store);
  CHECK(test.Insist("a").ok());
  PostgresFeatureSink sink(
      {BehindDeaf(deaf, test.database), "user_features", "user_id", patience, absl::Seconds(60)},
      test.clock);
  const absl::Time latest = test.clock.Now() + absl::Seconds(60);
  const Records rows = {{"u", {1}}};
  auto written = sink.Write(Names{"x"}, rows);
  while (!written.ok() && test.clock.Now() < latest) written = sink.Write(Names{"x"}, rows);
  CHECK(written.ok());
}

TEST_CASE("a row that fails by a connection of PostgreSQL's own leaves ours as they are") {
  PostgresRig rig(PostgresRig::Filled(
      "CREATE FUNCTION far(id int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN "
      "IF id < 0 THEN RAISE 'the other server is away' USING ERRCODE = '08001'; END IF;"
      "RETURN id; END $$;"
      "CREATE TABLE ids (user_id int PRIMARY KEY); INSERT INTO ids VALUES (-1), (1), (2);"
      "CREATE VIEW user_features AS SELECT user_id, far(user_id) AS x FROM ids"));
  rig.connections = 1;
  REQUIRE(rig.Open().ok());
  REQUIRE(rig.Has("1"));
  const std::string sessions = Sessions(rig.options.uri);
  const auto& far = rig.Ask("-1");
  const auto& near = rig.Ask("2");
  REQUIRE(rig.Finish());
  CheckMessage(far->status(), {"the other server is away"});
  CHECK(absl::IsUnavailable(far->status()));
  CHECK(near->ok());
  CHECK(rig.Has("1"));
  CHECK(Sessions(rig.options.uri) == sessions);
}

TEST_CASE("commits that wait for a standby that is away do not pile up in PostgreSQL") {
  PostgresServer server;
  PostgresStoreRig test;
  auto store =
      PostgresStore::Create({server.url(), absl::Seconds(60), absl::Milliseconds(300)}, test.clock);
  REQUIRE(store.ok());
  test.store = *std::move(store);
  REQUIRE(test.Insist("a").ok());
  server.Do("ALTER SYSTEM SET synchronous_standby_names = 'away'");
  server.Do("SELECT pg_reload_conf()");
  const std::string waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  // The first may come before the server has read its configuration.
  for (int i = 0; server.Do(waiting) == "0"; ++i) test.Write(absl::StrCat("b", i)).IgnoreError();
  for (int i = 0; i < 5; ++i) CHECK(!test.Write(absl::StrCat("c", i)).ok());
  const absl::Time latest = test.clock.Now() + absl::Seconds(60);
  while (server.Do(waiting) > "1" && test.clock.Now() < latest) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  CHECK(server.Do(waiting) <= "1");
  server.Do("ALTER SYSTEM RESET synchronous_standby_names");
  server.Do("SELECT pg_reload_conf()");
  CHECK(test.Insist("d").ok());
}

}  // namespace
}  // namespace predictd
