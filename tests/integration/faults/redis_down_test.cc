// Redis that is not there: at the start, and again and again under load.
#include <string>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kUp[] = "predictd_redis_up";

TEST_CASE("A Redis that is down at the start is done without, and used once it is there") {
  RedisServer redis;
  redis.Kill();
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_cache=" + redis.unix_url()}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(100));
  CHECK(predictd.Predict("u3").response.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
  CHECK(predictd.Metric(kUp) == 0);
  CHECK(predictd.WaitForMetric(R"(predictd_feature_errors_total{store="redis",kind="unreachable"})",
                               1));

  redis.Start();
  CHECK(predictd.WaitForMetric(kUp, 2, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A Redis that is killed under load again and again fails no request") {
  RedisServer redis;
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_cache=" + redis.unix_url()}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  constexpr int kKills = 6;
  for (int kill = 0; kill < kKills; ++kill) {
    REQUIRE(predictd.WaitForMetric(kUp, 2, kRepair));
    REQUIRE(load.WaitFor(kUsers));
    CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
    redis.Kill();
    REQUIRE(load.WaitFor(100));
    CHECK(WaitUntil([&] { return predictd.Metric(kUp) == 0; }, kRepair));
    redis.Start();
  }
  CHECK(predictd.WaitForMetric(kUp, 2, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Metric("predictd_redis_reconnects_total") >= kKills);
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
