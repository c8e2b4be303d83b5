// A PostgreSQL source whose server ends, hangs or works for too long, and reads by the hundred.
#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/stores/postgres/postgres_rig.h"

namespace predictd {
namespace {

constexpr char kNumbers[] =
    "CREATE TABLE user_features (user_id int PRIMARY KEY, x int);"
    "INSERT INTO user_features SELECT n, n FROM generate_series(0, 999) n";

// A user with a positive id takes that many milliseconds, a negative one is a mistake.
constexpr char kSlow[] =
    "CREATE FUNCTION work(id int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN "
    "IF id < 0 THEN RAISE 'this one is bad'; END IF;"
    "PERFORM pg_sleep(id / 1000.0); RETURN id; END $$;"
    "CREATE TABLE ids (user_id int PRIMARY KEY);"
    "INSERT INTO ids SELECT generate_series(-10, 20000);"
    "CREATE VIEW user_features AS SELECT user_id, work(user_id) AS x FROM ids";

float ValueOf(const std::optional<PostgresAnswer>& answer) {
  if (!answer || !answer->ok() || !(*answer)->has_value()) return -1;
  return (**answer)->values[0];
}

size_t Lines(absl::string_view log, absl::string_view with) {
  const std::vector<absl::string_view> lines = absl::StrSplit(log, '\n');
  return std::count_if(lines.begin(), lines.end(),
                       [with](absl::string_view line) { return absl::StrContains(line, with); });
}

// Ends the sessions of a database, as if one by one had crashed.
void EndSessions(const std::string& url) {
  DoIn(url,
       "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity "
       "WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

TEST_CASE("reads of one turn share a transaction, and each gets its own row") {
  const std::string url = PostgresRig::Filled(kNumbers);
  const std::string database = DoIn(url, "SELECT current_database()");
  const auto transactions = [&database] {
    // What a session did is counted for certain when it has ended.
    while (SharedPostgres().Do("SELECT count(*) FROM pg_stat_activity WHERE datname = '" +
                               database + "'") != "0") {
    }
    int count = 0;
    REQUIRE(absl::SimpleAtoi(SharedPostgres().Do("SELECT xact_commit FROM pg_stat_database "
                                                 "WHERE datname = '" +
                                                 database + "'"),
                             &count));
    return count;
  };
  const int before = transactions();
  {
    PostgresRig rig(url);
    REQUIRE(rig.Open().ok());
    CHECK(rig.Has("1"));
    for (int round = 0; round < 3; ++round) {
      std::vector<const std::optional<PostgresAnswer>*> answers;
      for (int i = 0; i < 1200; ++i) answers.push_back(&rig.Ask(absl::StrCat(i * 7 % 1200)));
      REQUIRE(rig.Finish());
      for (int i = 0; i < 1200; ++i) {
        const int user = i * 7 % 1200;
        REQUIRE((*answers[i])->ok());
        REQUIRE((**answers[i])->has_value() == (user < 1000));
        if (user < 1000) REQUIRE(ValueOf(*answers[i]) == static_cast<float>(user));
      }
    }
  }
  // 3601 reads; connecting and looking takes some as well.
  CHECK(transactions() - before < 60);
}

TEST_CASE("reads under way when PostgreSQL ends the session are asked again, and none fails") {
  PostgresRig rig(PostgresRig::Filled(kNumbers));
  rig.options.read_timeout = absl::Seconds(60);
  rig.connections = GENERATE(1, 3);
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  // One that is ended while it is still being made is a server that takes no connections.
  const auto all_made = [&rig] {
    const std::string made = rig.Do(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle' AND (query LIKE 'SET plan%' OR query LIKE '%LIMIT 1')");
    return made == absl::StrCat(rig.connections);
  };
  for (int round = 0; round < 10; ++round) {
    REQUIRE(rig.loop.RunUntil(all_made, absl::Seconds(100)));
    std::vector<const std::optional<PostgresAnswer>*> answers;
    for (int i = 0; i < 100; ++i) answers.push_back(&rig.Ask(absl::StrCat(i)));
    for (int turn = 0; turn < round; ++turn) rig.loop.RunTurn();
    EndSessions(rig.options.uri);
    REQUIRE(rig.Finish());
    for (int i = 0; i < 100; ++i) {
      INFO((*answers[i])->status().ToString());
      CHECK(ValueOf(*answers[i]) == static_cast<float>(i));
    }
  }
  // Silent, but where a session was ended while it was still being made.
  CHECK(Lines(log.text(), "does not answer") == Lines(log.text(), "answers again"));
}

TEST_CASE("while PostgreSQL is gone reads fail at once, and work when it is back") {
  PostgresServer server;
  server.Do(kNumbers);
  PostgresRig rig(server.url());
  rig.options.read_timeout = absl::Seconds(30);
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  for (int round = 0; round < 2; ++round) {
    CHECK(rig.Values("7") == std::vector<float>{7});
    server.Kill();
    // The first may have to find out.
    CHECK(absl::IsUnavailable(rig.Read("7").status()));
    const absl::Time start = absl::Now();
    for (int i = 0; i < 50; ++i) {
      const PostgresAnswer down = rig.Read("7");
      CheckMessage(down.status(), {"has not answered since"});
      CHECK(absl::IsUnavailable(down.status()));
    }
    CHECK(absl::Now() - start < absl::Seconds(15));
    server.Start();
    CHECK(rig.WorksAgain("7"));
  }
  CHECK(log.Count("does not answer") == 2);
  CHECK(log.Count("answers again") == 2);
  CHECK(rig.Errors("unreachable") >= 100);
}

TEST_CASE("a PostgreSQL that hangs costs one time-out, and is read again when it goes on") {
  PostgresServer server;
  server.Do(kNumbers);
  PostgresRig rig(server.url());
  rig.options.read_timeout = absl::Seconds(1);
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.Has("7"));
  server.Stop();
  absl::Time start = absl::Now();
  for (int i = 0; i < 200; ++i) rig.Ask(absl::StrCat(i));
  REQUIRE(rig.Finish());
  CHECK(absl::Now() - start < absl::Seconds(20));
  // Until the connection is given up.
  while (absl::IsUnavailable(rig.Read("7").status()) && absl::Now() - start < absl::Seconds(2)) {
  }
  start = absl::Now();
  for (int i = 0; i < 50; ++i) {
    const PostgresAnswer hung = rig.Read("7");
    CHECK(absl::IsUnavailable(hung.status()));
    CheckMessage(hung.status(), {"has not answered since"});
  }
  // Not fifty times a second.
  CHECK(absl::Now() - start < absl::Seconds(20));
  CHECK(rig.Errors("timeout") >= 200);
  server.Continue();
  CHECK(rig.WorksAgain("7"));
  CHECK(log.Count("does not answer") == 1);
  CHECK(log.Count("answers again") == 1);
}

TEST_CASE("a read that PostgreSQL refuses takes no other along") {
  PostgresRig rig(PostgresRig::Filled(kSlow));
  rig.connections = 1;
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  std::map<int, const std::optional<PostgresAnswer>*> answers;
  for (int id = -5; id <= 5; ++id) answers[id] = &rig.Ask(absl::StrCat(id));
  REQUIRE(rig.Finish());
  for (const auto& [id, answer] : answers) {
    INFO(id);
    if (id < 0) {
      CheckMessage((*answer)->status(),
                   {"feature source 'postgresql://", "failed for this row: this one is bad"});
      CHECK(absl::IsUnavailable((*answer)->status()));
    } else {
      CHECK(ValueOf(*answer) == static_cast<float>(id));
    }
  }
  CHECK(rig.Errors("error") == 5);
  CHECK(rig.Errors("unreachable") == 0);
  // The server is well, and one line says enough.
  CHECK(log.Count("does not answer") == 0);
  CHECK(log.Count("fails for a row") == 1);
}

TEST_CASE("a deadline ends a wait for PostgreSQL, and the connection lives on") {
  PostgresRig rig(PostgresRig::Filled(kSlow));
  rig.connections = 1;
  rig.options.read_timeout = absl::Seconds(60);
  REQUIRE(rig.Open().ok());
  // The connection is there: connecting is not to take of the time below.
  REQUIRE(rig.Has("1"));
  const absl::Time start = absl::Now();
  // Long enough to be asked in, on a busy machine too.
  const auto& late = rig.Ask("1000", absl::Milliseconds(300));
  const auto& behind = rig.Ask("3");
  REQUIRE(rig.Finish());
  CHECK(absl::IsDeadlineExceeded(late->status()));
  CHECK(ValueOf(behind) == 3);
  CHECK(absl::Now() - start > absl::Milliseconds(900));
  CHECK(rig.Errors("unreachable") == 0);
}

TEST_CASE("PostgreSQL breaks off what works for longer than the source's time-out") {
  PostgresRig rig(PostgresRig::Filled(kSlow));
  rig.connections = 1;
  rig.options.read_timeout = absl::Milliseconds(500);
  REQUIRE(rig.Open().ok());
  const absl::Time start = absl::Now();
  const PostgresAnswer slow = rig.Read("20000");
  CHECK(absl::IsUnavailable(slow.status()));
  CHECK(absl::Now() - start < absl::Seconds(15));
  CHECK(rig.Errors("timeout") == 1);
  CHECK(rig.WorksAgain("1"));
}

TEST_CASE("a coroutine that goes away while PostgreSQL works is answered into the void") {
  PostgresRig rig(PostgresRig::Filled(kSlow));
  rig.connections = 1;
  REQUIRE(rig.Open().ok());
  CHECK(rig.Has("1"));
  {
    std::optional<PostgresAnswer> answer;
    Task<void> gone =
        KeepResult(rig.source->Read(rig.loop, "100", rig.clock.Now() + absl::Seconds(10)), answer);
    // Started by hand: its frame, and the read in it, go before the answer.
    gone.await_suspend(std::noop_coroutine()).resume();
    rig.loop.RunTurn();
    rig.loop.RunTurn();
    CHECK(!answer.has_value());
  }
  CHECK(rig.Values("2") == std::vector<float>{2});
}

TEST_CASE("a source that goes while it connects, or while its server hangs, does not hang") {
  PostgresServer server;
  server.Do(kNumbers);
  const bool hang = GENERATE(false, true);
  {
    PostgresRig rig(server.url());
    REQUIRE(rig.Open().ok());
    rig.loop.RunTurn();
    if (hang) server.Stop();
  }
  server.Continue();
  CHECK(server.Do("SELECT 1") == "1");
}

}  // namespace
}  // namespace predictd
