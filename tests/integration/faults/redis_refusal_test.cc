// A Redis that knows the server no longer, or allows it less than it asks for.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kUp[] = "predictd_redis_up";
constexpr char kRefused[] = R"(predictd_feature_errors_total{store="redis",kind="refused"})";

// One loop, so that one client says what changed. An attempt that took too long would be another
// change, so it has long enough.
std::vector<std::string> OneLoop(const std::string& url) {
  return {"--feature_cache=" + url, "--feature_cache_timeout=10s", "--event_loops=1",
          "--min_event_loops=1"};
}

TEST_CASE("A password that is required from now on: the source answers, one line says so") {
  RedisServer redis;
  const Rig rig;
  PredictdProcess predictd(rig.Flags(OneLoop(redis.unix_url())));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(predictd.WaitForMetric(kUp, 1));
  REQUIRE(load.WaitFor(2 * kUsers));

  redis.Do({"CONFIG", "SET", "requirepass", "secret"});
  // Those who are in stay in, until their connection is lost.
  redis.Do({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  REQUIRE(predictd.WaitForMetric(kRefused, 3));
  REQUIRE(load.WaitFor(100));
  CHECK(predictd.Metric(kUp) == 0);
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_SOURCE));
  CHECK(LogLines(predictd, "NOAUTH") == 1);

  redis.Do({"CONFIG", "SET", "requirepass", ""});
  CHECK(predictd.WaitForMetric(kUp, 1, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CHECK(LogLines(predictd, "redis is up") == 2);
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A wrong password is tried slowly and said once, and the source answers") {
  RedisServer redis({.tcp = true, .password = "right"});
  const Rig rig;
  const absl::Time start = absl::Now();
  PredictdProcess predictd(
      rig.Flags(OneLoop(absl::StrCat("redis://:wrong@127.0.0.1:", redis.port()))));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(predictd.WaitForMetric(kRefused, 2));
  REQUIRE(load.WaitFor(100));
  CHECK(LogLines(predictd, "WRONGPASS") == 1);
  CHECK(predictd.Log().find("wrong@") == std::string::npos);
  CHECK(predictd.Metric(kUp) == 0);
  // One a second or fewer, but for the first ones.
  const double most_tries = 10 + absl::ToDoubleSeconds(absl::Now() - start);
  CHECK(predictd.Metric("predictd_redis_reconnects_total") < most_tries);

  redis.Do({"CONFIG", "SET", "requirepass", "wrong"});
  CHECK(predictd.WaitForMetric(kUp, 1, kRepair));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A user who may not read keys: the source answers, one line says so") {
  RedisServer redis;
  const Rig rig;
  PredictdProcess predictd(rig.Flags(OneLoop(redis.unix_url())));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(predictd.WaitForMetric(kUp, 1));
  REQUIRE(load.WaitFor(2 * kUsers));

  redis.Do({"ACL", "SETUSER", "default", "-get"});
  REQUIRE(predictd.WaitForMetric(kRefused, 3));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_SOURCE));
  REQUIRE(load.WaitFor(100));
  CHECK(LogLines(predictd, "NOPERM") == 1);

  redis.Do({"ACL", "SETUSER", "default", "+get"});
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
