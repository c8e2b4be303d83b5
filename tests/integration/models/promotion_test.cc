// A version that would break the callers of the one that serves, and model files of the other kind.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "tests/catch.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

TEST_CASE("a version whose output has another name is refused until the old one is unloaded") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  ModelSpec renamed = FactorModel(2);
  renamed.signature.mutable_outputs(0)->set_name("score");
  repository.Add("m", 2, renamed);
  CHECK(server.WaitForState("m", 2, v1::MODEL_STATE_FAILED));
  const std::string reason = server.ModelVersion("m", 2).reason();
  INFO(reason);
  CHECK(absl::StrContains(reason, "outputs[0].name is score, was y"));
  CHECK(absl::StrContains(reason, "unload version 1"));
  CHECK(absl::StrContains(server.Log(), "outputs[0].name is score, was y"));
  const auto refused = server.LoadModel("m", "2");
  CHECK(refused.code() == grpc::FAILED_PRECONDITION);
  CHECK(refused.message() == reason);
  CHECK(ServedVersion(server) == "1");
  CHECK(server.Metric(R"(predictd_model_ready{model="m",version="2"})") == 0);

  // The features are the server's own matter.
  ModelSpec more_features = Sum(2, 3);
  more_features.Defaults(0);
  repository.Add("m", 3, more_features);
  CHECK(server.WaitForState("m", 3, v1::MODEL_STATE_READY));
  const auto answer = server.Predict("u", {{"f0", 1}, {"f1", 1}});
  INFO(answer.message());
  CHECK(answer.response.version() == "3");

  REQUIRE(server.UnloadModel("m", "3").ok());
  REQUIRE(server.UnloadModel("m", "1").ok());
  const auto loaded = server.LoadModel("m", "2");
  INFO(loaded.message());
  REQUIRE(loaded.ok());
  CHECK(server.ModelVersion("m", 2).reason() == "");
  CHECK(ServedVersion(server) == "2");
}

// As it is linked: "1.13.1" is {1, 13}.
std::pair<int, int> LibtorchVersion(PredictdProcess& server) {
  const MetricsText metrics = server.Metrics();
  for (const auto& [series, value] : metrics.all()) {
    if (series.name != "predictd_build_info") continue;
    const std::vector<std::string> numbers = absl::StrSplit(series.labels.at("libtorch"), '.');
    int major = 0;
    int minor = 0;
    REQUIRE(absl::SimpleAtoi(numbers.at(0), &major));
    REQUIRE(absl::SimpleAtoi(numbers.at(1), &minor));
    return {major, minor};
  }
  throw std::runtime_error("no predictd_build_info");
}

TEST_CASE("a model.pt2 that this libtorch cannot run fails, saying what it needs") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  for (const int version : {2, 3}) {
    repository.Add("m", version, FactorModel(version));
    const auto folder = repository.VersionPath("m", version);
    // Whole as an archive, but no package; whether one runs is the matter of scripts/export's test.
    std::filesystem::copy_file(folder / "model.pt", folder / "model.pt2");
  }
  std::filesystem::remove(repository.VersionPath("m", 3) / "model.pt");
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  CHECK(server.WaitForState("m", 3, v1::MODEL_STATE_FAILED));
  const std::string reason = server.ModelVersion("m", 3).reason();
  INFO(reason);
  CHECK(absl::StrContains(reason, "model.pt2"));
  const auto refused = server.LoadModel("m", "3");
  CHECK(refused.code() == grpc::FAILED_PRECONDITION);
  CHECK(refused.message() == reason);
  if (LibtorchVersion(server) >= std::make_pair(2, 6)) return;
  CHECK(absl::StrContains(reason, "needs libtorch 2.6 or newer"));
  // The file that can be run is.
  CHECK(server.WaitForState("m", 2, v1::MODEL_STATE_READY));
  CHECK(ServedVersion(server) == "2");
}

}  // namespace
}  // namespace predictd::integration
