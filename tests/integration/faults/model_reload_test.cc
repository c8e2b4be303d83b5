// Versions that come and go under load.
#include <string>

#include "tests/catch.h"
#include "tests/integration/faults/rig.h"
#include "tests/integration/faults/versions.h"

namespace predictd::integration {
namespace {

constexpr char kLoads[] = R"(predictd_model_loads_total{model="s",result="ok"})";

// More callers than the server has loops and workers.
Load::Options HeavyLoad() {
  Load::Options options = VersionLoad();
  options.threads = 6;
  return options;
}

TEST_CASE("Versions that are added and removed all the time: no error, no row of another version") {
  Rig rig;
  AddVersion(rig.models, 1);
  PredictdProcess predictd(rig.Flags({"--model_poll=50ms", "--default_model=m"}));
  REQUIRE(predictd.WaitForState("s", 1, v1::MODEL_STATE_READY));
  Load load(predictd.grpc_address(), HeavyLoad());
  constexpr int kVersions = 20;
  for (int version = 2; version <= kVersions; ++version) {
    AddVersion(rig.models, version);
    REQUIRE(predictd.WaitForState("s", version, v1::MODEL_STATE_READY));
    // In use a moment ago, and perhaps still.
    rig.models.Remove("s", version - 1);
    REQUIRE(load.WaitFor(20));
  }
  CHECK(predictd.WaitForMetric(kLoads, kVersions));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Predict("u1", {}, "s").response.version() == std::to_string(kVersions));
  // All the others are gone, from the list and from memory's own book.
  CHECK(WaitUntil([&] { return predictd.ListModels().response.models_size() == 2; }));
  CHECK_FALSE(predictd.Metrics().Find(R"(predictd_model_ready{model="s",version="1"})"));
  CheckSteady(predictd);
}

TEST_CASE("A version whose files are replaced every 200 ms goes on serving") {
  Rig rig;
  AddVersion(rig.models, 1);
  PredictdProcess predictd(rig.Flags({"--model_poll=50ms", "--default_model=m"}));
  REQUIRE(predictd.WaitForState("s", 1, v1::MODEL_STATE_READY));
  Load load(predictd.grpc_address(), HeavyLoad());
  for (int round = 0; round < 20; ++round) {
    // The older version is replaced while the newer serves, then the newer goes away.
    AddVersion(rig.models, 2);
    REQUIRE(predictd.WaitForState("s", 2, v1::MODEL_STATE_READY));
    absl::SleepFor(absl::Milliseconds(200));
    const auto replaced = predictd.ModelVersion("s", 1).loaded_at();
    AddVersion(rig.models, 1);
    // Not the one before, which is READY until the change is seen.
    REQUIRE(WaitUntil([&] {
      const v1::ModelVersion now = predictd.ModelVersion("s", 1);
      return now.state() == v1::MODEL_STATE_READY &&
             (now.loaded_at().seconds() != replaced.seconds() ||
              now.loaded_at().nanos() != replaced.nanos());
    }));
    rig.models.Remove("s", 2);
    absl::SleepFor(absl::Milliseconds(200));
  }
  REQUIRE(load.WaitFor(20));
  const Load::Result result = load.Stop();
  CheckUndisturbed(result);
  CHECK(predictd.Metric(kLoads) >= 10);
  CheckSteady(predictd);
}

TEST_CASE("UnloadModel and LoadModel of a newer version under load fail no request") {
  Rig rig;
  AddVersion(rig.models, 1);
  AddVersion(rig.models, 2);
  PredictdProcess predictd(rig.Flags({"--default_model=m"}));
  REQUIRE(predictd.WaitForState("s", 1, v1::MODEL_STATE_READY));
  REQUIRE(predictd.WaitForState("s", 2, v1::MODEL_STATE_READY));
  Load load(predictd.grpc_address(), HeavyLoad());
  for (int round = 0; round < 15; ++round) {
    REQUIRE(predictd.UnloadModel("s", "2").ok());
    CHECK(predictd.Predict("u1", {}, "s").response.version() == "1");
    REQUIRE(predictd.LoadModel("s").ok());
    CHECK(predictd.Predict("u1", {}, "s").response.version() == "2");
  }
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Metric(kLoads) == 17);
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
