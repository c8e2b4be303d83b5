// The invalidation channel when Redis, or somebody in between, does not do its part.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/redis/invalidation_channel.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/answering_redis.h"
#include "tests/unit/redis/invalidation_rig.h"

namespace predictd::redis {
namespace {

// Ids of the clients of this type: "pubsub" or "normal", without the test's own.
std::vector<std::string> Clients(RedisServer& server, const std::string& type) {
  const redis::Reply own = server.Do({"CLIENT", "ID"});
  const redis::Reply list = server.Do({"CLIENT", "LIST", "TYPE", type});
  std::vector<std::string> ids;
  const std::string text(list.text());
  for (size_t at = 0; (at = text.find("id=", at)) != std::string::npos; ++at) {
    if (at != 0 && text[at - 1] != '\n') continue;
    const std::string id = text.substr(at + 3, text.find(' ', at) - at - 3);
    if (id != absl::StrCat(own.integer())) ids.push_back(id);
  }
  return ids;
}

// It works, and tells of what changes.
void CheckWorks(InvalidationRig& rig, RedisServer& server) {
  REQUIRE(rig.RunUntilWorking());
  rig.keys.clear();
  server.Do({"SET", "features:after", "1"});
  CHECK(rig.RunUntilTold("features:after"));
  CHECK(rig.metrics.invalidation_up.Value() == 1);
}

TEST_CASE("either connection being killed is a loss, and the channel comes back") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig rig(clock, server.unix_address());
  rig.loop.set_longest_sleep(absl::Seconds(20));
  int losses = 0;
  for (const char* type : {"pubsub", "normal", "pubsub", "normal"}) {
    REQUIRE(rig.RunUntilWorking());
    const std::vector<std::string> ids = Clients(server, type);
    REQUIRE(ids.size() == 1);
    server.Do({"CLIENT", "KILL", "ID", ids[0]});
    ++losses;
    const auto lost = [&] { return rig.lost.size() == static_cast<size_t>(losses); };
    REQUIRE(rig.RunUntil(lost));
    CHECK_FALSE(rig.channel.working());
    CHECK(rig.metrics.invalidation_up.Value() == 0);
  }
  CheckWorks(rig, server);
  CHECK(rig.worked == 5);
}

TEST_CASE("a server that is killed is a loss, and is found again when it is back") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig rig(clock, server.unix_address());
  const CapturedLog log;
  for (int round = 1; round <= 3; ++round) {
    CheckWorks(rig, server);
    server.Kill();
    REQUIRE(rig.RunUntil([&] { return !rig.channel.working(); }));
    CHECK(rig.lost.size() == static_cast<size_t>(round));
    rig.loop.RunFor(absl::Milliseconds(300));
    server.Start();
  }
  CheckWorks(rig, server);
  // One line per change, however often it was tried in between.
  CHECK(log.Count("redis does not tell of changed keys") == 3);
  CHECK(log.Count("redis tells of changed keys") == 4);
}

TEST_CASE("without a server nothing is lost, and the first one that comes is found") {
  RedisServer server;
  server.Kill();
  SystemClock clock;
  const CapturedLog log;
  InvalidationRig rig(clock, server.unix_address());
  rig.loop.RunFor(absl::Milliseconds(300));
  CHECK(rig.lost.empty());
  CHECK(log.Count("redis does not tell of changed keys") == 1);
  server.Start();
  CheckWorks(rig, server);
}

TEST_CASE("a server that hangs is lost after an unanswered question, and found when it goes on") {
  RedisServer server;
  FakeClock clock;
  InvalidationRig rig(clock, server.unix_address(),
                      {.prefix = "features:", .check_interval = absl::Seconds(1)});
  REQUIRE(rig.RunUntilWorking());
  // The canary's DEL is not to be counted below.
  REQUIRE(rig.RunUntil([&] { return server.Do({"KEYS", "*"}).size() == 0; }));
  for (int i = 0; i < 3; ++i) {
    const int64_t before = server.Info("total_commands_processed");
    clock.Advance(absl::Seconds(1));
    rig.loop.RunTurn();
    // Two questions, beside what INFO itself counts for.
    int64_t infos = 0;
    REQUIRE(rig.RunUntil([&] {
      ++infos;
      return server.Info("total_commands_processed") - before - infos >= 2;
    }));
    // Redis writes the answers of one turn in any order: those of the turn before are there.
    server.Do({"ECHO", "x"});
    CHECK(rig.channel.working());
  }
  server.Stop();
  clock.Advance(absl::Seconds(1));
  rig.loop.RunTurn();
  CHECK(rig.channel.working());
  clock.Advance(absl::Seconds(1));
  rig.loop.RunTurn();
  CHECK_FALSE(rig.channel.working());
  REQUIRE(rig.lost.size() == 1);
  CHECK(absl::IsDeadlineExceeded(rig.lost[0]));
  // Its kernel takes connections; that is not enough.
  const absl::Time tried = clock.Now() + absl::Seconds(20);
  REQUIRE(rig.RunUntil(clock, absl::Milliseconds(50), [&] { return clock.Now() >= tried; }));
  CHECK_FALSE(rig.channel.working());
  server.Continue();
  // Time stands still for an attempt, then goes past its end and the longest wait for the next one,
  // which is that of one that was refused.
  int turns = 0;
  REQUIRE(rig.RunUntil([&] {
    if (turns++ % 100 == 0) clock.Advance(absl::Seconds(5));
    return rig.channel.working();
  }));
}

TEST_CASE(
    "a user that lacks what is needed keeps the channel down, in one line, until it is given") {
  struct Case {
    std::string missing;
    std::string given;
    std::string command;
  };
  const auto given = GENERATE(Case{"-client|id", "+client|id", "CLIENT ID"},
                              Case{"-client|tracking", "+client|tracking", "CLIENT TRACKING"},
                              Case{"-subscribe", "+subscribe", "SUBSCRIBE"},
                              Case{"resetchannels", "allchannels", "SUBSCRIBE"},
                              Case{"-set", "+set", "SET"}, Case{"-ping", "+ping", "PING"});
  RedisServer server;
  server.Do({"ACL", "SETUSER", "weak", "on", ">pass", "allkeys", "allchannels", "+@all"});
  server.Do({"ACL", "SETUSER", "weak", given.missing});
  Address address = server.unix_address();
  address.user = "weak";
  address.password = "pass";
  FakeClock clock;
  const CapturedLog log;
  InvalidationRig rig(clock, address);
  REQUIRE(rig.RunUntil([&] { return log.Count("error=") > 0; }));
  const absl::Time later = clock.Now() + absl::Seconds(10);
  const int64_t before = server.Info("total_connections_received");
  REQUIRE(rig.RunUntil(clock, absl::Milliseconds(50), [&] { return clock.Now() >= later; }));
  // Slowly: at most one attempt, of two connections, each half second.
  CHECK(server.Info("total_connections_received") - before <= 40);
  CHECK_FALSE(rig.channel.working());
  CHECK(rig.lost.empty());
  CHECK(log.Count("redis does not tell of changed keys") == 1);
  CHECK(log.Count(given.command + ": NOPERM") == 1);
  server.Do({"ACL", "SETUSER", "weak", given.given});
  REQUIRE(rig.RunUntil(clock, absl::Milliseconds(50), [&] { return rig.channel.working(); }));
}

TEST_CASE("a Redis that takes no writes keeps the channel down until it does") {
  RedisServer server;
  FakeClock clock;
  const bool replica = GENERATE(true, false);
  if (replica) {
    server.Do({"REPLICAOF", "127.0.0.1", "1"});
  } else {
    server.Do({"CONFIG", "SET", "maxmemory", "1"});
  }
  const CapturedLog log;
  InvalidationRig rig(clock, server.unix_address());
  REQUIRE(rig.RunUntil([&] { return log.Count("error=") > 0; }));
  CHECK(log.Count(replica ? "SET: READONLY" : "SET: OOM") == 1);
  CHECK_FALSE(rig.channel.working());
  if (replica) {
    server.Do({"REPLICAOF", "NO", "ONE"});
  } else {
    server.Do({"CONFIG", "SET", "maxmemory", "0"});
  }
  REQUIRE(rig.RunUntil(clock, absl::Milliseconds(50), [&] { return rig.channel.working(); }));
}

TEST_CASE("a wrong password keeps the channel down") {
  RedisServer server({.password = "s3cret"});
  FakeClock clock;
  Address address = server.unix_address();
  address.password = "wrong";
  const CapturedLog log;
  InvalidationRig rig(clock, address);
  REQUIRE(rig.RunUntil([&] { return log.Count("AUTH: WRONGPASS") > 0; }));
  server.Do({"CONFIG", "SET", "requirepass", "wrong"});
  REQUIRE(rig.RunUntil(clock, absl::Milliseconds(50), [&] { return rig.channel.working(); }));
}

// Says what a good Redis says, but for what the test changes.
struct Script {
  // By the command's first word, or first two.
  std::map<std::string, std::string> answers = {
      {"PING", "+PONG\r\n"},
      {"CLIENT ID", ":7\r\n"},
      {"SUBSCRIBE", "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n"},
      {"CLIENT TRACKING", "+OK\r\n"},
      {"SET", "+OK\r\n"},
      {"DEL", ":1\r\n"},
  };
  std::string canary;
  bool subscribed = false;

  std::string operator()(const std::vector<std::string>& words) {
    if (words[0] == "SET") canary = words[1];
    return answers[words[0] == "CLIENT" ? "CLIENT " + words[1] : words[0]];
  }
};

struct Scene {
  Scene() { rig.loop.set_longest_sleep(absl::Microseconds(100)); }

  bool RunUntil(const std::function<bool()>& done) {
    return rig.RunUntil([&] {
      server.Poll();
      clock.Advance(absl::Milliseconds(1));
      return done();
    });
  }
  void SayKeys(const std::vector<std::string>& keys) {
    std::string text = absl::StrCat("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*",
                                    keys.size(), "\r\n");
    for (const std::string& key : keys)
      absl::StrAppend(&text, "$", key.size(), "\r\n", key, "\r\n");
    server.SayToSubscriber(text);
  }
  void Work() {
    REQUIRE(RunUntil([this] { return !script.canary.empty(); }));
    SayKeys({script.canary});
    REQUIRE(RunUntil([this] { return rig.channel.working(); }));
  }

  Script script;
  AnsweringRedis server{[this](const std::vector<std::string>& words) { return script(words); }};
  FakeClock clock;
  InvalidationRig rig{
      clock, server.address(), {.prefix = "features:", .check_interval = absl::Seconds(1)}};
};

TEST_CASE("a Redis that says OK to tracking and delivers nothing is not relied upon") {
  Scene scene;
  const CapturedLog log;
  REQUIRE(scene.RunUntil([&] { return log.Count("error=") > 0; }));
  CHECK(log.Count("no invalidation came within 1s") == 1);
  CHECK_FALSE(scene.rig.channel.working());
  CHECK(scene.rig.worked == 0);
  // Nor is one that tells of other keys only.
  scene.script.canary.clear();
  REQUIRE(scene.RunUntil([&] { return !scene.script.canary.empty(); }));
  scene.SayKeys({"features:ann", scene.script.canary + "x"});
  REQUIRE(scene.RunUntil([&] { return !scene.rig.keys.empty(); }));
  CHECK(scene.rig.keys == std::vector<std::string>{"features:ann"});
  CHECK_FALSE(scene.rig.channel.working());
  scene.script.canary.clear();
  scene.Work();
  CHECK(scene.rig.worked == 1);
}

TEST_CASE("an old Redis, or one that lacks a command, is one line in the log") {
  Scene scene;
  const std::string command = GENERATE("CLIENT ID", "CLIENT TRACKING", "SUBSCRIBE", "SET");
  scene.script.answers[command] = "-ERR unknown command\r\n";
  const CapturedLog log;
  REQUIRE(scene.RunUntil([&] { return log.Count("error=") > 0; }));
  CHECK(log.Count(command + ": ERR unknown command") == 1);
}

TEST_CASE("replies out of place lose the channel and nothing else") {
  Scene scene;
  scene.Work();
  SECTION("to the listener") {
    scene.server.SayToSubscriber(GENERATE(
        "+OK\r\n", ":1\r\n", "$-1\r\n", "*0\r\n", "*1\r\n$7\r\nmessage\r\n", "-ERR no\r\n", "junk",
        "*3\r\n:1\r\n:2\r\n:3\r\n", "*2\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"));
  }
  SECTION("to a question") {
    scene.script.answers["PING"] = GENERATE("-NOPERM no\r\n", "+PONG\r\n+PONG\r\n+PONG\r\n", "?");
  }
  REQUIRE(scene.RunUntil([&] { return scene.rig.lost.size() == 1; }));
  scene.script = Script();
  scene.Work();
}

TEST_CASE("keys that are shorter than the prefix, empty or none at all are taken as they come") {
  Scene scene;
  scene.Work();
  scene.SayKeys({"", "f", "features:"});
  scene.SayKeys({});
  scene.server.SayToSubscriber(
      "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$9\r\npublished\r\n");
  scene.SayKeys({"features:ann"});
  REQUIRE(scene.RunUntil([&] { return scene.rig.keys.size() == 4; }));
  CHECK(scene.rig.keys == std::vector<std::string>{"", "f", "features:", "features:ann"});
  CHECK(scene.rig.lost.empty());
}

TEST_CASE("one connection that falls silent is a loss") {
  Scene scene;
  scene.Work();
  // Neither is answered, but the listener hears of keys.
  scene.script.answers["PING"] = "";
  REQUIRE(scene.RunUntil([&] {
    scene.SayKeys({"features:ann"});
    return scene.rig.lost.size() == 1;
  }));
  CHECK(absl::StrContains(scene.rig.lost[0].message(), "tracking connection"));
}

}  // namespace
}  // namespace predictd::redis
