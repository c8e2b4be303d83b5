// Answers of Redis that come late, in pieces, or not to their end.
#include "tests/integration/faults/redis_proxy.h"

#include <string>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kFromRedis[] = R"(predictd_feature_rows_total{origin="redis"})";
constexpr char kFromSource[] = R"(predictd_feature_rows_total{origin="source"})";

TEST_CASE("Late and sliced answers of Redis are put together right") {
  RedisServer redis;
  RedisProxy proxy(redis.socket_path());
  const Rig rig;
  PredictdProcess predictd(
      rig.Flags({"--feature_cache=" + proxy.url(), "--feature_cache_timeout=2s"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(2 * kUsers));

  RedisProxy::Treatment treatment;
  SECTION("late") { treatment.delay = absl::Milliseconds(5); }
  SECTION("one byte at a time") { treatment.slice = 1; }
  SECTION("late, seven bytes at a time") {
    treatment.delay = absl::Milliseconds(2);
    treatment.slice = 7;
  }
  const int64_t slices = proxy.slices();
  const double rows = predictd.Metric(kFromRedis);
  proxy.Set(treatment);
  REQUIRE(load.WaitFor(2 * kUsers));
  CHECK(proxy.slices() > slices);
  CHECK(predictd.Metric(kFromRedis) > rows);

  proxy.Set({});
  REQUIRE(load.WaitFor(100));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("An answer later than the time-out goes to nobody, least of all to the next user") {
  RedisServer redis;
  RedisProxy proxy(redis.socket_path());
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_cache=" + proxy.url()}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(2 * kUsers));

  // Below what a handshake may take: connections come up, and lose their first read.
  proxy.Set({.delay = absl::Milliseconds(100)});
  const double rows = predictd.Metric(kFromSource);
  REQUIRE(
      predictd.WaitForMetric(R"(predictd_feature_errors_total{store="redis",kind="timeout"})", 3));
  REQUIRE(load.WaitFor(2 * kUsers));
  CHECK(predictd.Metric(kFromSource) > rows);

  proxy.Set({});
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("Answers that are cut off anywhere are not used") {
  RedisServer redis;
  RedisProxy proxy(redis.socket_path());
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_cache=" + proxy.url()}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(2 * kUsers));

  // From within PING's answer to behind several rows of 28 bytes and their headers.
  for (const int64_t bytes : {0, 3, 7, 8, 12, 13, 30, 41, 42, 60, 75, 100, 150}) {
    const int64_t cuts = proxy.cuts();
    proxy.Set({.cut_after = bytes});
    INFO("cut after " << bytes << " bytes");
    REQUIRE(WaitUntil([&] { return proxy.cuts() > cuts; }));
    REQUIRE(load.WaitFor(50));
  }
  CHECK(StoreErrors(predictd, "redis", "unreachable") >= 1);
  CHECK(predictd.Metric("predictd_redis_reconnects_total") >= 10);

  proxy.Set({});
  CHECK(predictd.WaitForMetric("predictd_redis_up", 2, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
