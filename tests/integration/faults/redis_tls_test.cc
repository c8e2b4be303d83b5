// Redis over TLS: in use, not to be trusted, and gone.
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kUp[] = "predictd_redis_up";

std::vector<std::string> CacheFlags(const Certificates& files, const std::string& url,
                                    const std::string& authority = "ours-ca") {
  return {"--feature_cache=" + url, "--feature_cache_ca=" + files.File(authority + ".pem"),
          "--feature_cache_cert=" + files.File("ours.pem"),
          "--feature_cache_key=" + files.File("ours.key"), "--feature_cache_timeout=10s"};
}

v1::FeatureOrigin OriginOf(PredictdProcess& predictd, const std::string& user) {
  return predictd.Predict(user).response.feature_origin();
}

TEST_CASE("Rows are written to Redis and read from it over TLS, each to whom it belongs") {
  const Certificates files;
  RedisServer redis({.tcp = true, .tls = &files});
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(files, redis.tcp_url())));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric(kUp, 2));
  Load load(predictd.grpc_address(), OwnRowLoad());
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  REQUIRE(load.WaitFor(4 * kUsers));
  CheckUndisturbed(load.Stop());
  CHECK(redis.Do({"DBSIZE"}).integer() == kUsers);
  CHECK(StoreErrors(predictd, "redis", "unreachable") == 0);
  CHECK(StoreErrors(predictd, "redis", "garbage") == 0);
  CheckSteady(predictd);
}

TEST_CASE("Redis tells of changed rows over TLS") {
  const Certificates files;
  RedisServer redis({.tcp = true, .tls = &files});
  const Rig rig;
  std::vector<std::string> more = CacheFlags(files, redis.tcp_url());
  more.insert(more.end(), {"--local_cache_mb=1", "--local_cache_ttl=1h"});
  PredictdProcess predictd(rig.Flags(more));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric(kUp, 2));
  REQUIRE(predictd.WaitForMetric("predictd_invalidation_up", 1));
  REQUIRE(OriginOf(predictd, "u3") == v1::FEATURE_ORIGIN_SOURCE);
  // Of what the server itself wrote.
  REQUIRE(predictd.WaitForMetric("predictd_invalidations_total", 1));
  // Where it is told late, the row goes once, and is there again after the next read.
  CHECK(WaitUntil([&] { return OriginOf(predictd, "u3") == v1::FEATURE_ORIGIN_LOCAL_CACHE; }));
  redis.Do({"DEL", "features:u3"});
  CHECK(WaitUntil([&] { return OriginOf(predictd, "u3") == v1::FEATURE_ORIGIN_SOURCE; }));
  CheckSteady(predictd);
}

TEST_CASE("A Redis whose certificate does not verify is done without, and the log says why") {
  const Certificates files;
  std::string authority = "ours-ca";
  std::vector<std::string> arguments;
  std::string reason = "the server's certificate does not verify: ";
  SECTION("another authority's") { authority = "theirs-ca"; }
  SECTION("another host's") {
    arguments = {"--tls-cert-file", files.File("elsewhere.pem"), "--tls-key-file",
                 files.File("elsewhere.key")};
    reason += "IP address mismatch";
  }
  RedisServer redis({.tcp = true, .tls = &files, .arguments = arguments});
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(files, redis.tcp_url(), authority)));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  CHECK(predictd.WaitForMetric(R"(predictd_feature_errors_total{store="redis",kind="unreachable"})",
                               3));
  REQUIRE(load.WaitFor(kUsers));
  CheckUndisturbed(load.Stop());
  CHECK(OriginOf(predictd, "u3") == v1::FEATURE_ORIGIN_SOURCE);
  CHECK(predictd.Metric(kUp) == 0);
  CHECK(LogLines(predictd, reason) >= 1);
  CHECK(redis.Do({"DBSIZE"}).integer() == 0);
  CheckSteady(predictd);
}

TEST_CASE("A Redis that wants a certificate which is not given is done without") {
  const Certificates files;
  RedisServer redis({.tcp = true, .tls = &files});
  const Rig rig;
  PredictdProcess predictd(rig.Flags(
      {"--feature_cache=" + redis.tcp_url(), "--feature_cache_ca=" + files.File("ours-ca.pem")}));
  REQUIRE(predictd.WaitUntilReady());
  CHECK(WaitUntil([&] { return LogLines(predictd, "certificate required") >= 1; }));
  CHECK(OriginOf(predictd, "u3") == v1::FEATURE_ORIGIN_SOURCE);
  redis.Do({"CONFIG", "SET", "tls-auth-clients", "no"});
  CHECK(predictd.WaitForMetric(kUp, 2));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckSteady(predictd);
}

TEST_CASE("A Redis over TLS that is killed under load again and again fails no request") {
  const Certificates files;
  RedisServer redis({.tcp = true, .tls = &files});
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(files, redis.tcp_url())));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  for (int kill = 0; kill < 3; ++kill) {
    REQUIRE(predictd.WaitForMetric(kUp, 2));
    CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
    redis.Kill();
    REQUIRE(load.WaitFor(100));
    CHECK(WaitUntil([&] { return predictd.Metric(kUp) == 0; }));
    redis.Start();
  }
  CHECK(predictd.WaitForMetric(kUp, 2));
  CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A cluster over TLS is read and written like one server") {
  const Certificates files;
  RedisServer redis(
      {.tcp = true, .tls = &files, .cluster = true, .arguments = {"--tls-cluster", "yes"}});
  redis.Do({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
  const Rig rig;
  const std::string url = "rediss-cluster://127.0.0.1:" + std::to_string(redis.port());
  PredictdProcess predictd(rig.Flags(CacheFlags(files, url)));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  CHECK(WaitUntil([&] { return OriginOf(predictd, "u3") == v1::FEATURE_ORIGIN_REDIS; }));
  REQUIRE(load.WaitFor(2 * kUsers));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
