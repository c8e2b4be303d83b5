// config.json while the server runs: which versions are loaded, and what becomes of a broken one.
#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

constexpr char kInvalid[] = R"(predictd_model_config_invalid{model="m"})";
constexpr v1::ModelState kReady = v1::MODEL_STATE_READY;
constexpr v1::ModelState kUnloaded = v1::MODEL_STATE_UNLOADED;

// The states of versions 1, 2 and 3.
bool WaitForStates(PredictdProcess& server, const std::vector<v1::ModelState>& expected) {
  return WaitUntil([&] {
    for (int version = 1; version <= 3; ++version) {
      if (server.ModelVersion("m", version).state() != expected[version - 1]) return false;
    }
    return true;
  });
}

void CheckUndisturbed(Load& load) {
  REQUIRE(load.WaitFor(100));
  const Load::Result result = load.Stop();
  INFO(result.problem);
  CHECK(result.failed() == 0);
  CHECK(result.wrong == 0);
}

TEST_CASE("config.json chooses the versions that are loaded, under load and while it changes") {
  ModelRepository repository;
  for (const int version : {1, 2, 3}) repository.Add("m", version, FactorModel(version));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(WaitForStates(server, {kReady, kReady, kReady}));
  Load load(server.grpc_address(), FactorLoad());

  repository.Write("m/config.json", R"({"versions": {"latest": 1}})");
  CHECK(WaitForStates(server, {kUnloaded, kUnloaded, kReady}));
  const std::string reason = server.ModelVersion("m", 1).reason();
  INFO(reason);
  CHECK(absl::StrContains(reason, "not among the versions"));
  CHECK(absl::StrContains(reason, "m/config.json"));
  CHECK(server.LoadModel("m", "1").code() == grpc::FAILED_PRECONDITION);

  repository.Write("m/config.json", R"({"versions": {"list": [1, 2]}})");
  CHECK(WaitForStates(server, {kReady, kReady, kUnloaded}));
  CHECK(ServedVersion(server) == "2");

  repository.Write("m/config.json", R"({"versions": {"latest": 2}})");
  CHECK(WaitForStates(server, {kUnloaded, kReady, kReady}));
  CHECK(ServedVersion(server) == "3");
  // One that has failed takes nobody's place.
  repository.AddCut("m", 4, FactorModel(4), 500);
  CHECK(server.WaitForState("m", 4, v1::MODEL_STATE_FAILED));
  CHECK(WaitForStates(server, {kUnloaded, kReady, kReady}));
  // A good one does.
  repository.Add("m", 4, FactorModel(4));
  CHECK(server.WaitForState("m", 4, kReady));
  CHECK(WaitForStates(server, {kUnloaded, kUnloaded, kReady}));

  std::filesystem::remove(repository.VersionPath("m", 1).parent_path() / "config.json");
  CHECK(WaitForStates(server, {kReady, kReady, kReady}));
  CheckUndisturbed(load);
}

TEST_CASE("a broken config.json leaves the former settings and says why until it is mended") {
  ModelRepository repository;
  for (const int version : {1, 2, 3}) repository.Add("m", version, FactorModel(version));
  repository.Write("m/config.json", R"({"versions": {"list": [2]}})");
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(WaitForStates(server, {kUnloaded, kReady, kUnloaded}));
  CHECK(server.Metric(kInvalid) == 0);
  Load load(server.grpc_address(), FactorLoad());

  struct Case {
    std::string content;
    std::string named;
  };
  const std::vector<Case> cases = {
      {R"({"versions": {"latest": 1)", "config.json"},
      {R"({"versions": {"newest": 1}})", "newest"},
      {R"({"versions": {"latest": 1, "list": [3]}})", "versions"},
      {R"({"canary": {"version": 3, "percent": 101}})", "percent"},
  };
  for (const Case& broken : cases) {
    INFO(broken.content);
    repository.Write("m/config.json", broken.content);
    CHECK(WaitUntil([&] {
      const std::string reason = server.ModelVersion("m", 2).reason();
      return absl::StrContains(reason, "the former settings stay") &&
             absl::StrContains(reason, "config.json") && absl::StrContains(reason, broken.named);
    }));
    INFO(server.ModelVersion("m", 2).reason());
    CHECK(server.Metric(kInvalid) == 1);
    CHECK(WaitForStates(server, {kUnloaded, kReady, kUnloaded}));
    CHECK(ServedVersion(server) == "2");
  }
  CHECK(absl::StrContains(server.Log(), "config.json cannot be used"));

  repository.Write("m/config.json", R"({"versions": {"list": [2, 3]}})");
  CHECK(WaitForStates(server, {kUnloaded, kReady, kReady}));
  CHECK(WaitUntil([&] { return server.Metric(kInvalid) == 0; }));
  CHECK(server.ModelVersion("m", 2).reason() == "");
  CHECK(ServedVersion(server) == "3");
  CheckUndisturbed(load);
}

}  // namespace
}  // namespace predictd::integration
