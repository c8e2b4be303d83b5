// Commands and answers: the client against a real redis-server.
#include "server/redis/client.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

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

}  // namespace
}  // namespace predictd::redis
