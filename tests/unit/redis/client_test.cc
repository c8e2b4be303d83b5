// The client against a real redis-server.
#include "server/redis/client.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

// Far longer than a busy machine takes: where time-outs are not the point, none happens.
constexpr absl::Duration kPatient = absl::Seconds(10);

TEST_CASE("commands of many coroutines in one turn go out with one write, each with its answer") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.metrics.redis_up.Value() == 1);

  const int64_t before = server.Info("total_reads_processed");
  std::vector<const Answer*> sets, gets;
  for (int i = 0; i < 50; ++i) {
    sets.push_back(&rig.Ask({"SET", absl::StrCat("k", i), absl::StrCat("v", i)}));
    gets.push_back(&rig.Ask({"GET", absl::StrCat("k", i)}));
  }
  const Answer& missing = rig.Ask({"GET", "none"});
  CHECK(rig.client.AnswersOutstanding());
  REQUIRE(rig.loop.RunUntil([&] { return missing.done; }));
  // One for the commands, one for INFO itself.
  CHECK(server.Info("total_reads_processed") - before == 2);
  CHECK_FALSE(rig.client.AnswersOutstanding());

  for (int i = 0; i < 50; ++i) {
    CHECK(sets[i]->text == "OK");
    CHECK(gets[i]->text == absl::StrCat("v", i));
  }
  CHECK(missing.code == absl::StatusCode::kOk);
  CHECK(missing.type == ReplyType::kNil);
}

TEST_CASE("values of any bytes and many sizes come back as they were written") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  for (const size_t size : {0, 1, 100, 65536, 3000000}) {
    std::string value(size, '\0');
    for (size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 131);
    CHECK(rig.Get({"SET", "key", value}).text == "OK");
    CHECK(rig.Get({"GET", "key"}).text == value);
  }
}

Task<void> AskTwiceAtOnce(Client& client, std::string& first, std::string& second) {
  Client::CommandAwaiter one = client.Command({"ECHO", "one"});
  Client::CommandAwaiter two = client.Command({"ECHO", "two"});
  const absl::StatusOr<Reply> later = co_await two;
  const absl::StatusOr<Reply> earlier = co_await one;
  if (earlier.ok()) first = std::string(earlier->text());
  if (later.ok()) second = std::string(later->text());
}

TEST_CASE("one coroutine may have several commands under way and await them in any order") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  Scope scope;
  std::string first, second;
  scope.Spawn(AskTwiceAtOnce(rig.client, first, second));
  REQUIRE(rig.loop.RunUntil([&] { return scope.running() == 0; }));
  CHECK(first == "one");
  CHECK(second == "two");
}

TEST_CASE("a command whose awaiter is gone does not shift the answers behind it") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  { const Client::CommandAwaiter dropped = rig.client.Command({"ECHO", "dropped"}); }
  CHECK_FALSE(rig.client.AnswersOutstanding());
  CHECK(rig.Get({"ECHO", "kept"}).text == "kept");
}

TEST_CASE("a name is resolved and TCP works") {
  RedisServer server({.tcp = true});
  SystemClock clock;
  Address address;
  address.host = GENERATE("localhost", "127.0.0.1");
  address.port = server.port();
  Rig rig(clock, address, kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"ECHO", "x"}).text == "x");
}

TEST_CASE("a database is selected") {
  RedisServer server;
  SystemClock clock;
  Address address = server.unix_address();
  address.database = 3;
  Rig rig(clock, address, kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"SET", "key", "in 3"}).text == "OK");
  CHECK(server.Do({"GET", "key"}).is_nil());
  server.Do({"SELECT", "3"});
  CHECK(server.Do({"GET", "key"}).text() == "in 3");
}

TEST_CASE("a database that does not exist keeps the client down") {
  RedisServer server;
  SystemClock clock;
  Address address = server.unix_address();
  address.database = 99;
  Rig rig(clock, address, kPatient);
  CHECK(rig.loop.RunUntil([&] { return rig.Errors("error") >= 2; }));
  CHECK_FALSE(rig.client.up());
}

TEST_CASE("a password and a user are presented") {
  RedisServer server({.password = "s3cret"});
  SystemClock clock;
  Address address = server.unix_address();
  SECTION("the default user's password") {}
  SECTION("a user of its own") {
    server.Do({"ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@all"});
    address.user = "reader";
    address.password = "pass";
  }
  Rig rig(clock, address, kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"ECHO", "x"}).text == "x");
  CHECK(rig.Errors("refused") == 0);
}

TEST_CASE("the address of a user of the server's access list is all it takes") {
  RedisServer server({.tcp = true, .password = "s3cret"});
  server.Do({"ACL", "SETUSER", "app", "on", ">p@ss", "~features:*", "+ping", "+get", "+set",
             "+acl|whoami"});
  SystemClock clock;
  const auto address = ParseAddress(absl::StrCat("redis://app:p%40ss@127.0.0.1:", server.port()));
  REQUIRE(address.ok());
  Rig rig(clock, *address, kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"ACL", "WHOAMI"}).text == "app");
  CHECK(rig.Get({"SET", "features:ann", "1"}).text == "OK");
  CHECK(rig.Get({"GET", "features:ann"}).text == "1");
  CHECK(rig.Errors("refused") == 0);
  CHECK(rig.Get({"GET", "other"}).text.substr(0, 6) == "NOPERM");
  CHECK(rig.Errors("refused") == 1);
}

TEST_CASE("without the right password the client stays down, counts, and tries slowly") {
  RedisServer server({.password = "s3cret"});
  SystemClock clock;
  Address address = server.unix_address();
  address.password = GENERATE("", "wrong");
  Rig rig(clock, address, kPatient);
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("refused") >= 1; }));
  rig.loop.RunFor(absl::Milliseconds(200));
  CHECK(rig.Errors("refused") == 1);
  CHECK(rig.Errors("unreachable") == 0);
  const Answer& answer = rig.Ask({"GET", "x"});
  CHECK(answer.done);
  CHECK(answer.code == absl::StatusCode::kUnavailable);

  server.Do({"CONFIG", "SET", "requirepass", address.password});
  CHECK(rig.RunUntilUp());
}

TEST_CASE("a password that is newly required takes the client down until it is lifted") {
  RedisServer server;
  SystemClock clock;
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  server.Do({"CONFIG", "SET", "requirepass", "new"});
  server.Do({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("refused") >= 1; }));
  CHECK_FALSE(rig.client.up());
  CHECK(rig.metrics.redis_up.Value() == 0);
  server.Do({"CONFIG", "SET", "requirepass", ""});
  CHECK(rig.RunUntilUp());
  CHECK(rig.Get({"ECHO", "x"}).text == "x");
}

TEST_CASE("a command that the user may not run is refused and counted, and the client stays up") {
  RedisServer server;
  SystemClock clock;
  server.Do({"ACL", "SETUSER", "weak", "on", ">pass", "~allowed*", "+ping", "+get"});
  Address address = server.unix_address();
  address.user = "weak";
  address.password = "pass";
  Rig rig(clock, address, kPatient);
  REQUIRE(rig.RunUntilUp());
  const Answer& answer = rig.Get({"GET", "other"});
  CHECK(answer.code == absl::StatusCode::kOk);
  CHECK(answer.type == ReplyType::kError);
  CHECK(answer.text.substr(0, 7) == "NOPERM ");
  CHECK(rig.Errors("refused") == 1);
  CHECK(rig.client.up());
  CHECK(rig.Get({"GET", "allowed"}).type == ReplyType::kNil);
}

TEST_CASE("a wrong type is the caller's to count") {
  RedisServer server;
  SystemClock clock;
  server.Do({"LPUSH", "list", "x"});
  Rig rig(clock, server.unix_address(), kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"GET", "list"}).type == ReplyType::kError);
  CHECK(rig.Errors("error") == 0);
  CHECK(rig.Errors("wrong_type") == 0);
  CHECK(rig.Get({"NO-SUCH-COMMAND"}).type == ReplyType::kError);
  CHECK(rig.Errors("error") == 1);
}

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
  CHECK(StoreErrors(metrics, "write") == 1);
}

}  // namespace
}  // namespace predictd::redis
