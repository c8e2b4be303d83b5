// Databases, passwords and users: the client against a real redis-server.
#include "absl/strings/str_cat.h"
#include "server/redis/client.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

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

}  // namespace
}  // namespace predictd::redis
