// Rows in the process follow Redis, and what becomes of them when Redis tells nothing any more.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kUp[] = "predictd_invalidation_up";
constexpr absl::Duration kSoon = absl::Milliseconds(100);

// Users in Redis alone, as hashes that somebody else writes, and a server that keeps them for long.
struct HashRig {
  HashRig() {
    models.Add("m", 1, Identity(kFeatures));
    for (int user = 0; user < kUsers; ++user) Write(user, user);
  }

  std::vector<std::string> Flags() const {
    return {"--models=" + models.path(),
            "--feature_cache=" + redis.unix_url(),
            "--feature_cache_encoding=hash",
            "--feature_cache_timeout=10s",
            "--event_loops=2",
            "--min_event_loops=2",
            "--local_cache_ttl=1h"};
  }
  void Write(int user, double value) {
    const std::string text = absl::StrCat(value);
    redis.Do({"HSET", absl::StrCat("features:u", user), "f0", text, "f1", text, "f2", text});
  }

  ModelRepository models;
  RedisServer redis;
};

float FirstOutput(PredictdProcess& predictd, const std::string& user) {
  const auto answer = predictd.Predict(user);
  return answer.ok() ? answer.response.outputs(0) : -1;
}

// Redis is asked by both loops, and tells.
bool WaitForRedis(const PredictdProcess& predictd) {
  return predictd.WaitForMetric("predictd_redis_up", 2) && predictd.WaitForMetric(kUp, 1);
}

TEST_CASE("A row that changes, expires or goes in Redis is gone from the process at once") {
  HashRig rig;
  PredictdProcess predictd(rig.Flags());
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(WaitForRedis(predictd));
  absl::Duration shortest = absl::InfiniteDuration();
  for (int round = 0; round < 20; ++round) {
    const std::string user = absl::StrCat("u", round);
    // Not always the second time: a channel that is lost for a while takes all rows along.
    REQUIRE(WaitUntil([&] {
      return predictd.Predict(user).response.feature_origin() == v1::FEATURE_ORIGIN_LOCAL_CACHE;
    }));
    rig.Write(round, 1000 + round);
    const absl::Time written = absl::Now();
    REQUIRE(WaitUntil([&] { return FirstOutput(predictd, user) == 1000 + round; }));
    shortest = std::min(shortest, absl::Now() - written);
  }
  // Of all the rounds, since this machine may be busy with something else in any one.
  CHECK(shortest < kSoon);

  REQUIRE(predictd.Predict("u30").ok());
  rig.redis.Do({"DEL", "features:u30"});
  CHECK(WaitUntil([&] { return predictd.Predict("u30").code() == grpc::NOT_FOUND; }));
  REQUIRE(predictd.Predict("u31").ok());
  rig.redis.Do({"PEXPIRE", "features:u31", "50"});
  CHECK(WaitUntil([&] { return predictd.Predict("u31").code() == grpc::NOT_FOUND; }));
  REQUIRE(predictd.Predict("u32").ok());
  rig.redis.Do({"FLUSHALL"});
  CHECK(WaitUntil([&] { return predictd.Predict("u32").code() == grpc::NOT_FOUND; }));
  CHECK(predictd.Metric("predictd_invalidations_total") >= 20);
}

TEST_CASE("When the invalidation channel is lost the process keeps no row from before") {
  HashRig rig;
  PredictdProcess predictd(rig.Flags());
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(WaitForRedis(predictd));
  Load::Options options;
  options.request = AskForUser;
  Load load(predictd.grpc_address(), options);
  for (int loss = 0; loss < 5; ++loss) {
    const std::string user = absl::StrCat("u", loss);
    REQUIRE(predictd.Predict(user).ok());
    rig.redis.Do({"CLIENT", "KILL", "TYPE", "pubsub"});
    rig.Write(loss, 5000 + loss);
    CHECK(WaitUntil([&] { return FirstOutput(predictd, user) == 5000 + loss; }, kRepair));
    CHECK(predictd.WaitForMetric(kUp, 1, kRepair));
  }
  CheckUndisturbed(load.Stop());
  CHECK(LogLines(predictd, "redis does not tell of changed keys") >= 1);
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
