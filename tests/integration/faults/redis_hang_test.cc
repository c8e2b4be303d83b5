// Redis that takes commands and does not answer.
#include <functional>
#include <string>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kUp[] = "predictd_redis_up";

// `hang` under load: nobody waits for long, every answer is right, and the breaker opens.
void CheckHang(RedisServer& redis, const std::function<void()>& hang,
               const std::function<void()>& repair) {
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_cache=" + redis.unix_url()}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(predictd.WaitForMetric(kUp, 2));
  REQUIRE(load.WaitFor(2 * kUsers));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));

  hang();
  CHECK(WaitUntil([&] { return predictd.Metric(kUp) == 0; }, kRepair));
  CHECK(StoreErrors(predictd, "redis", "timeout") >= 1);
  // Open: calls no longer wait for Redis, only attempts to connect do.
  const double timeouts = StoreErrors(predictd, "redis", "timeout");
  REQUIRE(load.WaitFor(100));
  CHECK(predictd.Predict("u7").response.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
  CHECK(StoreErrors(predictd, "redis", "timeout") - timeouts < 50);

  repair();
  CHECK(predictd.WaitForMetric(kUp, 2, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Metric("predictd_redis_reconnects_total") >= 1);
  CheckSteady(predictd);
}

TEST_CASE("A Redis that is stopped costs one time-out, and is used again when it goes on") {
  RedisServer redis;
  CheckHang(
      redis, [&] { redis.Stop(); }, [&] { redis.Continue(); });
}

TEST_CASE("A Redis whose clients are paused costs one time-out, and is used again afterwards") {
  RedisServer redis;
  // Long enough for all that is looked at meanwhile: CLIENT UNPAUSE would have to wait as well.
  const absl::Duration pause = absl::Seconds(10);
  absl::Time end;
  CheckHang(
      redis,
      [&] {
        end = absl::Now() + pause;
        redis.Do({"CLIENT", "PAUSE", std::to_string(absl::ToInt64Milliseconds(pause)), "ALL"});
      },
      [&] { absl::SleepFor(end - absl::Now()); });
}

}  // namespace
}  // namespace predictd::integration
