// A feature source that does not answer.
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

// Holds a file's write lock: with a rollback journal nobody else can even read.
class ExclusiveLock {
 public:
  explicit ExclusiveLock(const std::string& file) {
    sqlite3_open(file.c_str(), &connection_);
    sqlite3_busy_timeout(connection_, 60'000);
    if (sqlite3_exec(connection_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw std::runtime_error("cannot lock " + file);
    }
  }
  ~ExclusiveLock() { sqlite3_close(connection_); }
  ExclusiveLock(const ExclusiveLock&) = delete;
  ExclusiveLock& operator=(const ExclusiveLock&) = delete;

 private:
  sqlite3* connection_ = nullptr;
};

constexpr char kTimeouts[] = R"(predictd_feature_errors_total{store="source",kind="timeout"})";

TEST_CASE("While the source is locked, cached rows are answered and the others are UNAVAILABLE") {
  RedisServer redis;
  Rig rig;
  rig.models.Add("lenient", 1, Identity(kFeatures).Defaults(5));
  rig.models.Write("lenient/config.json", R"({"defaultsWhenUnreachable": true})");
  PredictdProcess predictd(
      rig.Flags({"--feature_cache=" + redis.unix_url(), "--default_model=m",
                 // A write-back is dropped while Redis is late, and here one is waited for.
                 "--feature_cache_timeout=60s", "--feature_source_timeout=200ms",
                 "--local_cache_mb=16", "--local_cache_ttl=1h"}));
  REQUIRE(predictd.WaitForState("lenient", 1, v1::MODEL_STATE_READY));
  REQUIRE(predictd.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  // A source that is merely slow today may take more than one call.
  REQUIRE(WaitUntil([&] { return predictd.Predict("u1").ok(); }));
  // In Redis alone, as another server's write.
  REQUIRE(WaitUntil([&] { return predictd.Predict("u2").ok(); }));
  REQUIRE(WaitUntil([&] { return redis.Do({"EXISTS", "features:u2"}).integer() == 1; }));
  redis.Do({"COPY", "features:u2", "features:u3"});

  {
    const ExclusiveLock lock(rig.users.path());
    const double earlier = predictd.Metric(kTimeouts);
    const absl::Time start = absl::Now();
    Load::Options cached;
    cached.request = [](int64_t number, v1::PredictRequest& request) {
      request.set_user_id(number % 2 == 0 ? "u1" : "u2");
    };
    cached.check = OwnRow;
    Load load(predictd.grpc_address(), cached);
    for (int user = 10; user < 20; ++user) {
      const auto answer = predictd.Predict("u" + std::to_string(user));
      CHECK(answer.code() == grpc::StatusCode::UNAVAILABLE);
      CHECK(answer.message().find("feature source") != std::string::npos);
      CHECK(answer.message().find("has not answered since 20") != std::string::npos);
    }
    const auto from_redis = predictd.Predict("u3");
    CHECK(from_redis.ok());
    CHECK(from_redis.response.feature_origin() == v1::FEATURE_ORIGIN_REDIS);
    const auto lenient = predictd.Predict("u20", {{"f1", 7}}, "lenient");
    REQUIRE(lenient.ok());
    CHECK(lenient.response.feature_origin() == v1::FEATURE_ORIGIN_DEFAULTS);
    CHECK(lenient.response.outputs(0) == 5);
    CHECK(lenient.response.outputs(1) == 7);
    CHECK(lenient.response.missing_features_size() == 2);
    REQUIRE(load.WaitFor(100));
    CheckUndisturbed(load.Stop());
    // One time-out per window of the breaker, which is a second, not one per request.
    const double timeouts = predictd.Metric(kTimeouts) - earlier;
    CHECK(timeouts >= 1);
    CHECK(timeouts < 3 + absl::ToDoubleSeconds(absl::Now() - start));
    CHECK(predictd.Metric(R"(predictd_degraded_total{path="defaults_when_unreachable"})") == 1);
  }

  CHECK(WaitUntil([&] { return predictd.Predict("u30").ok(); }, kRepair));
  CheckSteady(predictd);
}

TEST_CASE("Calls that wait for a locked source are answered once it is free again") {
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_source_timeout=60s"}));
  REQUIRE(predictd.WaitUntilReady());
  Load::Options options = OwnRowLoad();
  options.threads = 8;
  auto lock = std::make_unique<ExclusiveLock>(rig.users.path());
  Load load(predictd.grpc_address(), options);
  REQUIRE(WaitUntil([&] { return predictd.Metric("predictd_in_flight_requests") >= 8; }));
  CHECK(load.done() == 0);
  lock.reset();
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Metric(R"(predictd_feature_rows_total{origin="source"})") >= 100);
  CheckSteady(predictd);
}

TEST_CASE("A source whose file is replaced by garbage fails calls, and heals with the file") {
  const Rig rig;
  PredictdProcess predictd(rig.Flags());
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.Predict("u1").ok());
  const std::string good = rig.users.path() + ".good";
  std::filesystem::copy_file(rig.users.path(), good);
  const std::string garbage = rig.users.path() + ".garbage";
  std::ofstream(garbage, std::ios::binary) << std::string(20000, 'g');
  std::filesystem::rename(garbage, rig.users.path());
  const auto answer = predictd.Predict("u2");
  CHECK(answer.code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(answer.message().find("not a database") != std::string::npos);
  CHECK(StoreErrors(predictd, "source", "unreachable") >= 1);
  std::filesystem::remove(rig.users.path());
  CHECK(predictd.Predict("u3").code() == grpc::StatusCode::UNAVAILABLE);
  std::filesystem::rename(good, rig.users.path());
  CHECK(WaitUntil([&] { return predictd.Predict("u3").ok(); }, kRepair));
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
