// A Redis Cluster that loses a master under load.
#include "tests/fakes/redis_cluster.h"

#include "tests/catch.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

TEST_CASE("A cluster whose master dies fails no request, and its replica is read from then on") {
  RedisCluster cluster;
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_cache=" + cluster.url()}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  REQUIRE(load.WaitFor(2 * kUsers));
  cluster.MasterOf("features:u1").Kill();
  REQUIRE(load.WaitFor(2 * kUsers));
  // A row of the lost master's slots, once Redis itself has made its replica the master.
  CHECK(WaitUntil([&] {
    return predictd.Predict("u1").response.feature_origin() == v1::FEATURE_ORIGIN_REDIS;
  }));
  REQUIRE(load.WaitFor(kUsers));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
