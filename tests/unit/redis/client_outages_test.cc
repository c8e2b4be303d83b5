// Servers that are killed, hang, are full or only replicas: the client against a real one.
#include <memory>

#include "absl/strings/str_cat.h"
#include "server/redis/client.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

TEST_CASE("without a server commands fail at once, and the first one that comes is found") {
  auto server = std::make_unique<RedisServer>();
  const Address address = server->unix_address();
  server->Kill();
  SystemClock clock;
  Rig rig(clock, address, kPatient);
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("unreachable") >= 3; }));
  const Answer& answer = rig.Ask({"GET", "x"});
  CHECK(answer.done);
  CHECK(answer.code == absl::StatusCode::kUnavailable);
  rig.client.Send({"SET", "x", "y"});
  CHECK(rig.Errors("write") == 1);
  server->Start();
  CHECK(rig.RunUntilUp());
  CHECK(rig.Reconnects() >= 3);
}

TEST_CASE("a server that is killed fails what waits, and is found again when it is back") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  for (int round = 1; round <= 3; ++round) {
    // It cannot answer any more, but its socket still takes commands.
    server.Stop();
    const Answer& waiting = rig.Ask({"GET", "x"});
    rig.loop.RunTurn();
    CHECK_FALSE(waiting.done);
    server.Kill();
    REQUIRE(rig.RunUntilDown());
    REQUIRE(rig.loop.RunUntil([&] { return waiting.done; }));
    CHECK(waiting.code == absl::StatusCode::kUnavailable);
    CHECK(rig.Errors("unreachable") >= round);
    CHECK(rig.metrics.redis_up.Value() == 0);
    const Answer& next = rig.Ask({"GET", "x"});
    CHECK(next.done);
    CHECK(next.code == absl::StatusCode::kUnavailable);
    server.Start();
    REQUIRE(rig.RunUntilUp());
    CHECK(rig.metrics.redis_up.Value() == 1);
    CHECK(rig.Reconnects() >= round);
    CHECK(rig.Get({"ECHO", "x"}).text == "x");
  }
}

TEST_CASE("a connection that is closed while the loop sleeps idle is noticed at once") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  rig.loop.set_longest_sleep(absl::Seconds(20));
  REQUIRE(rig.RunUntilUp());
  server.Do({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const absl::Time start = absl::Now();
  REQUIRE(rig.RunUntilDown());
  REQUIRE(rig.RunUntilUp());
  CHECK(absl::Now() - start < absl::Seconds(10));
}

TEST_CASE("answers wake a loop that sleeps") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), absl::Seconds(60));
  rig.loop.set_longest_sleep(absl::Seconds(60));
  REQUIRE(rig.RunUntilUp());
  const absl::Time start = absl::Now();
  for (int i = 0; i < 500; ++i) {
    REQUIRE(rig.Get({"ECHO", absl::StrCat(i)}).text == absl::StrCat(i));
  }
  CHECK(absl::Now() - start < absl::Seconds(20));
}

// Runs the loop while the clock goes on by a millisecond per turn.
bool RunUntil(Rig& rig, FakeClock& clock, const std::function<bool()>& done) {
  return rig.loop.RunUntil([&] {
    clock.Advance(absl::Milliseconds(1));
    return done();
  });
}

TEST_CASE("a server that hangs costs one time-out, then nothing, and is found when it goes on") {
  RedisServer server;
  FakeClock clock;
  Rig rig(clock, server.unix_address(), absl::Milliseconds(20));
  REQUIRE(rig.RunUntilUp());
  server.Stop();
  const Answer& first = rig.Ask({"ECHO", "first"});
  rig.client.Send({"SET", "key", "value"});
  rig.loop.RunTurn();
  clock.Advance(absl::Milliseconds(10));
  const Answer& second = rig.Ask({"ECHO", "second"});
  rig.loop.RunTurn();
  clock.Advance(absl::Milliseconds(9));
  rig.loop.RunFor(absl::Milliseconds(20));
  CHECK_FALSE(first.done);
  CHECK(rig.client.up());

  clock.Advance(absl::Milliseconds(1));
  rig.loop.RunTurn();
  REQUIRE(first.done);
  CHECK(first.code == absl::StatusCode::kDeadlineExceeded);
  CHECK(second.code == absl::StatusCode::kDeadlineExceeded);
  CHECK(rig.Errors("timeout") == 2);
  CHECK(rig.Errors("write") == 1);
  CHECK_FALSE(rig.client.up());
  CHECK(rig.metrics.redis_up.Value() == 0);

  // Its kernel takes connections; that is not enough.
  REQUIRE(RunUntil(rig, clock, [&] { return rig.Errors("timeout") >= 4; }));
  CHECK_FALSE(rig.client.up());
  const Answer& next = rig.Ask({"ECHO", "next"});
  REQUIRE(next.done);
  CHECK(next.code == absl::StatusCode::kUnavailable);

  server.Continue();
  REQUIRE(RunUntil(rig, clock, [&] { return rig.client.up(); }));
  CHECK(rig.Get({"ECHO", "again"}).text == "again");
}

TEST_CASE("a paused server is a hung one") {
  RedisServer server;
  FakeClock clock;
  Rig rig(clock, server.unix_address(), absl::Milliseconds(20));
  REQUIRE(rig.RunUntilUp());
  server.Do({"CLIENT", "PAUSE", "300", "ALL"});
  const Answer& answer = rig.Ask({"GET", "x"});
  REQUIRE(RunUntil(rig, clock, [&] { return answer.done; }));
  CHECK(answer.code == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(RunUntil(rig, clock, [&] { return rig.client.up(); }));
  CHECK(rig.Get({"ECHO", "x"}).text == "x");
}

TEST_CASE("a full server drops writes, counted, and goes on answering reads") {
  RedisServer server;
  server.Do({"SET", "key", "old"});
  server.Do({"CONFIG", "SET", "maxmemory", "1"});
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  rig.client.Send({"SET", "key", "new"});
  CHECK(rig.Get({"GET", "key"}).text == "old");
  CHECK(rig.Errors("write") == 1);
  CHECK(rig.client.up());
  CHECK(rig.Reconnects() == 0);
}

TEST_CASE("on a replica reads work, and a write makes the client look for the primary again") {
  RedisServer server;
  server.Do({"SET", "key", "old"});
  server.Do({"REPLICAOF", "127.0.0.1", "1"});
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  rig.client.Send({"SET", "key", "new"});
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("write") == 1; }));
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Reconnects() == 1);
  // Not with every write.
  rig.client.Send({"SET", "key", "new"});
  CHECK(rig.Get({"GET", "key"}).text == "old");
  CHECK(rig.Errors("write") == 2);
  CHECK(rig.client.up());
  CHECK(rig.Reconnects() == 1);
}

TEST_CASE("a replica without its primary answers an error, and the client waits for it to end") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  server.Do({"CONFIG", "SET", "replica-serve-stale-data", "no"});
  server.Do({"REPLICAOF", "127.0.0.1", "1"});
  const Answer& answer = rig.Get({"GET", "key"});
  CHECK(answer.type == ReplyType::kError);
  CHECK(answer.text.substr(0, 10) == "MASTERDOWN");
  CHECK(rig.Errors("error") == 1);
  server.Do({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  REQUIRE(rig.RunUntilDown());
  server.Do({"REPLICAOF", "NO", "ONE"});
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"GET", "key"}).type == ReplyType::kNil);
}

TEST_CASE("a client that goes counts the writes it takes along") {
  RedisServer server;
  SystemClock clock;
  Metrics metrics;
  SleepingLoop loop(clock);
  Resolver resolver;
  Watcher watcher;
  auto client =
      std::make_unique<Client>(loop, watcher, resolver, metrics, server.unix_address(), kPatient);
  REQUIRE(loop.RunUntil([&] { return client->up(); }));
  CHECK(metrics.redis_up.Value() == 1);
  client->Send({"SET", "x", "y"});
  client.reset();
  CHECK(metrics.redis_up.Value() == 0);
  CHECK(StoreErrors(metrics, "redis", "write") == 1);
}

}  // namespace
}  // namespace predictd::redis
