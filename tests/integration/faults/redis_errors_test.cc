// A Redis that answers with errors: full, a replica, loading, another shard's.
#include <atomic>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/command_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kUp[] = "predictd_redis_up";
constexpr char kWrites[] = R"(predictd_feature_errors_total{store="redis",kind="write"})";
constexpr char kErrors[] = R"(predictd_feature_errors_total{store="redis",kind="error"})";

// Late answers are another test's affair: here a row that is not written back would be missed.
std::vector<std::string> CacheFlags(const std::string& url) {
  return {"--feature_cache=" + url, "--feature_cache_timeout=10s"};
}

// Redis with the rows of half the users; a load that asks for all.
struct HalfFull {
  explicit HalfFull(const std::string& url) : predictd(rig.Flags(CacheFlags(url))) {
    REQUIRE(predictd.WaitUntilReady());
    REQUIRE(predictd.WaitForMetric(kUp, 2));
    for (int user = 0; user < kUsers / 2; ++user) {
      REQUIRE(predictd.Predict("u" + std::to_string(user)).ok());
    }
    REQUIRE(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  }

  Rig rig;
  PredictdProcess predictd;
};

TEST_CASE("A Redis that is full still answers reads, and writes back again once it has room") {
  RedisServer redis;
  HalfFull setup(redis.unix_url());
  PredictdProcess& predictd = setup.predictd;
  redis.Do({"CONFIG", "SET", "maxmemory", "1"});
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(2 * kUsers));
  REQUIRE(predictd.WaitForMetric(kWrites, kUsers / 2));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CHECK(predictd.Metric(kUp) == 2);
  CHECK(redis.Do({"DBSIZE"}).integer() == kUsers / 2);

  redis.Do({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(WaitUntil([&] { return redis.Do({"DBSIZE"}).integer() == kUsers; }, kRepair));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A replica answers reads, refuses writes, and is connected to anew now and then") {
  RedisServer redis;
  HalfFull setup(redis.unix_url());
  PredictdProcess& predictd = setup.predictd;
  // Of a primary that is not there.
  redis.Do({"REPLICAOF", "127.0.0.1", "1"});
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(2 * kUsers));
  REQUIRE(predictd.WaitForMetric(kWrites, 10));
  REQUIRE(predictd.WaitForMetric("predictd_redis_reconnects_total", 1));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));

  SECTION("one that may serve stale rows") {}
  SECTION("one that may not: MASTERDOWN") {
    redis.Do({"CONFIG", "SET", "replica-serve-stale-data", "no"});
    REQUIRE(predictd.WaitForMetric(kErrors, 1));
    CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_SOURCE));
    REQUIRE(load.WaitFor(2 * kUsers));
  }
  redis.Do({"REPLICAOF", "NO", "ONE"});
  CHECK(predictd.WaitForMetric(kUp, 2, kRepair));
  CHECK(WaitUntil([&] { return redis.Do({"DBSIZE"}).integer() == kUsers; }, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A Redis that is loading, or sends elsewhere, is done without until it answers") {
  const std::string error =
      GENERATE("LOADING Redis is loading the dataset in memory",
               "MASTERDOWN Link with MASTER is down", "MOVED 3999 127.0.0.1:6381",
               "CLUSTERDOWN The cluster is down", "ERR max number of clients reached");
  INFO(error);
  std::atomic<bool> failing{true};
  std::atomic<int> gets{0};
  // A cluster's node answers PING, the others do not even that.
  const bool pings = error.rfind("MOVED", 0) == 0 || error.rfind("CLUSTERDOWN", 0) == 0;
  CommandServer redis([&](const std::vector<std::string>& command) -> std::string {
    const bool ping = command.at(0) == "PING";
    gets += command.at(0) == "GET";
    if (failing && !(ping && pings)) return "-" + error + "\r\n";
    if (ping) return "+PONG\r\n";
    return command[0] == "GET" ? "$-1\r\n" : "+OK\r\n";
  });
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(redis.url())));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(100));
  REQUIRE(predictd.WaitForMetric(kErrors, 2));
  // The errors may all be of the loop that was first to connect.
  CHECK((pings ? predictd.WaitForMetric(kUp, 2) : predictd.Metric(kUp) == 0));

  failing = false;
  CHECK(predictd.WaitForMetric(kUp, 2, kRepair));
  const int before = gets;
  REQUIRE(load.WaitFor(100));
  CHECK(gets > before);
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
