// The invalidation channel against a real redis-server.
#include "server/redis/invalidation_channel.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/invalidation_rig.h"

namespace predictd::redis {
namespace {

using Keys = std::vector<std::string>;

TEST_CASE("a key that another client writes is told, others are not, nor is the canary") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig rig(clock, server.unix_address());
  REQUIRE(rig.RunUntilWorking());
  CHECK(rig.worked == 1);
  CHECK(rig.metrics.invalidation_up.Value() == 1);
  server.Do({"SET", "other:ann", "1"});
  server.Do({"SET", "features:ann", "1"});
  server.Do({"HSET", "features:bob", "age", "1"});
  REQUIRE(rig.RunUntilTold("features:bob"));
  CHECK(rig.keys == Keys{"features:ann", "features:bob"});
  CHECK(rig.metrics.invalidations.Value() == 2);
  CHECK(rig.flushes == 0);
  // The canary is gone by now: DEL went out before these were written.
  CHECK(server.Do({"KEYS", "features:*"}).size() == 2);
}

TEST_CASE("a key that is deleted, expires or is evicted is told") {
  RedisServer server;
  SystemClock clock;
  server.Do({"SET", "features:deleted", "1"});
  server.Do({"SET", "features:expired", "1"});
  server.Do({"SET", "features:evicted", "1"});
  InvalidationRig rig(clock, server.unix_address());
  REQUIRE(rig.RunUntilWorking());
  server.Do({"DEL", "features:deleted"});
  REQUIRE(rig.RunUntilTold("features:deleted"));
  server.Do({"PEXPIRE", "features:expired", "1"});
  REQUIRE(rig.RunUntilTold("features:expired"));
  rig.keys.clear();
  server.Do({"PEXPIRE", "features:evicted", "50"});
  REQUIRE(rig.RunUntilTold("features:evicted"));
  rig.keys.clear();
  REQUIRE(rig.RunUntilTold("features:evicted"));

  server.Do({"SET", "features:evicted", "1"});
  REQUIRE(rig.RunUntilTold("features:evicted"));
  rig.keys.clear();
  server.Do({"CONFIG", "SET", "maxmemory-policy", "allkeys-random"});
  server.Do({"CONFIG", "SET", "maxmemory", "1"});
  server.Do({"SET", "x", "1"});
  CHECK(rig.RunUntilTold("features:evicted"));
}

TEST_CASE("flushing Redis is told as a whole") {
  RedisServer server;
  SystemClock clock;
  server.Do({"SET", "features:ann", "1"});
  InvalidationRig rig(clock, server.unix_address());
  REQUIRE(rig.RunUntilWorking());
  const std::string command = GENERATE("FLUSHALL", "FLUSHDB");
  server.Do({command});
  CHECK(rig.RunUntil([&] { return rig.flushes == 1; }));
  CHECK(rig.channel.working());
}

TEST_CASE("thousands of keys in one message are all told") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig rig(clock, server.unix_address());
  REQUIRE(rig.RunUntilWorking());
  server.Do({"EVAL", "for i = 1, 50000 do redis.call('SET', 'features:user-' .. i, i) end", "0"});
  CHECK(rig.RunUntil([&] { return rig.keys.size() == 50000; }));
  CHECK(rig.channel.working());
}

TEST_CASE("an empty prefix is told of every key, a prefix of any bytes of its own") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig all(clock, server.unix_address(),
                      {.prefix = "", .check_interval = absl::Seconds(30)});
  REQUIRE(all.RunUntilWorking());
  server.Do({"SET", "x", "1"});
  CHECK(all.RunUntilTold("x"));

  const std::string head("\1\0\0\0\2\0\r\n", 8);
  InvalidationRig binary(clock, server.unix_address(),
                         {.prefix = head, .check_interval = absl::Seconds(30)});
  REQUIRE(binary.RunUntilWorking());
  server.Do({"SET", "x", "1"});
  server.Do({"SET", head + "ann", "1"});
  CHECK(binary.RunUntilTold(head + "ann"));
  CHECK(binary.keys.size() == 1);
}

TEST_CASE("two channels on one Redis do not take each other's canaries for users") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig first(clock, server.unix_address());
  REQUIRE(first.RunUntilWorking());
  InvalidationRig second(clock, server.unix_address());
  REQUIRE(second.RunUntilWorking());
  server.Do({"SET", "features:ann", "1"});
  REQUIRE(first.RunUntilTold("features:ann"));
  CHECK(first.keys.size() == 1);
}

TEST_CASE("it works over TCP, by name, with a password, as a user, in a database") {
  RedisServer server({.tcp = true, .password = "s3cret"});
  SystemClock clock;
  Address address = server.unix_address();
  SECTION("TCP by name") {
    address.unix_path.clear();
    address.host = "localhost";
    address.port = server.port();
  }
  SECTION("a user that may do just what is needed") {
    server.Do({"ACL", "SETUSER", "tracker", "on", ">pass", "~features:*", "&__redis__:invalidate",
               "+ping", "+select", "+client|id", "+client|tracking", "+subscribe", "+set", "+del"});
    address.user = "tracker";
    address.password = "pass";
  }
  SECTION("a database") {
    address.database = 3;
    server.Do({"SELECT", "3"});
  }
  InvalidationRig rig(clock, address);
  REQUIRE(rig.RunUntilWorking());
  server.Do({"SET", "features:ann", "1"});
  CHECK(rig.RunUntilTold("features:ann"));
}

TEST_CASE("messages wake a loop that sleeps, also one that is always about to") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig rig(clock, server.unix_address(),
                      {.prefix = "features:", .check_interval = absl::Minutes(5)});
  rig.loop.set_longest_sleep(absl::Seconds(60));
  REQUIRE(rig.RunUntilWorking());
  const absl::Time start = absl::Now();
  for (int i = 0; i < 500; ++i) {
    const std::string key = absl::StrCat("features:", i);
    server.Do({"SET", key, "1"});
    REQUIRE(rig.RunUntil([&] { return !rig.keys.empty() && rig.keys.back() == key; }));
  }
  CHECK(absl::Now() - start < absl::Seconds(40));
}

TEST_CASE("a channel that has nothing to do does nothing in a turn") {
  RedisServer server;
  SystemClock clock;
  InvalidationRig rig(clock, server.unix_address());
  REQUIRE(rig.RunUntilWorking());
  // The answer to DEL may still be on its way.
  server.Do({"PING"});
  rig.loop.RunFor(absl::Milliseconds(50));
  const int64_t before = server.Info("total_commands_processed");
  for (int i = 0; i < 100; ++i) CHECK_FALSE(rig.channel.Turn());
  CHECK(server.Info("total_commands_processed") - before == 1);
}

}  // namespace
}  // namespace predictd::redis
