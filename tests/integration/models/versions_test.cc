// Versions as they come and go on disk, and what ListModels says about them.
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

using States = std::vector<std::string>;

// "model/version STATE" in the order of the answer.
States Listed(PredictdProcess& server) {
  States states;
  const auto listed = server.ListModels();
  for (const v1::ModelVersion& version : listed.response.models()) {
    states.push_back(absl::StrCat(version.model(), "/", version.version(), " ",
                                  v1::ModelState_Name(version.state())));
  }
  return states;
}

TEST_CASE("the port answers while a model loads, and says in which state it is") {
  ModelRepository repository;
  Gate gate;
  repository.Add("m", 1, Gated(1, gate).Defaults(1));
  PredictdProcess server({"--models=" + repository.path()});
  const v1::ModelVersion loading = server.ModelVersion("m", 1);
  INFO(loading.DebugString());
  CHECK(loading.state() == v1::MODEL_STATE_LOADING);
  CHECK_FALSE(loading.has_loaded_at());
  CHECK(server.HttpGet("/healthz").code == 200);
  gate.Open();
  CHECK(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  const v1::ModelVersion ready = server.ModelVersion("m", 1);
  CHECK(ready.has_loaded_at());
  REQUIRE(ready.signature().features_size() == 1);
  CHECK(ready.signature().features(0).name() == "f0");
  CHECK(ready.reason() == "");
}

TEST_CASE("a new version takes over under load without an error, and an older one after it") {
  ModelRepository repository;
  repository.Add("m", 2, Sum(1, 2));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=50ms"});
  REQUIRE(server.WaitUntilReady());
  Load::Options options;
  options.request = [](int64_t number, v1::PredictRequest& request) {
    request.set_user_id("u");
    (*request.mutable_features())["f0"] = static_cast<float>(number % 1000);
  };
  // The output is that of the version that the answer names.
  options.check = [](const v1::PredictRequest& request, const v1::PredictResponse& response) {
    const float expected = request.features().at("f0") * std::stof(response.version());
    return response.outputs_size() == 1 && response.outputs(0) == expected
               ? ""
               : response.ShortDebugString();
  };
  Load load(server.grpc_address(), options);
  REQUIRE(load.WaitFor(100));
  repository.Add("m", 3, Sum(1, 3));
  CHECK(WaitUntil([&] { return ServedVersion(server) == "3"; }));
  REQUIRE(load.WaitFor(100));
  repository.Remove("m", 3);
  CHECK(WaitUntil([&] { return ServedVersion(server) == "2"; }));
  // A smaller number does not take over.
  repository.Add("m", 1, Sum(1, 1));
  CHECK(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  CHECK(ServedVersion(server) == "2");
  const Load::Result result = load.Stop();
  INFO(result.problem);
  CHECK(result.failed() == 0);
  CHECK(result.wrong == 0);
  CHECK(server.WaitForMetric(R"(predictd_model_loads_total{model="m",result="ok"})", 3));
}

TEST_CASE("a version that is not fit to serve fails with its reason while the old one serves") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1).Golden({2}, {2}));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=50ms"});
  REQUIRE(server.WaitUntilReady());
  ModelSpec unsigned_spec = Sum(1);
  unsigned_spec.signature_missing = true;
  ModelSpec misdeclared = Sum(1);
  misdeclared.signature.mutable_outputs(0)->set_datatype("INT64");
  ModelSpec throwing = ThrowsBelowZero(1);
  throwing.Defaults(-1);
  struct Case {
    ModelSpec spec;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {Sum(1).Golden({2}, {3}), "golden case 0: output 0 is 2, expected 3"},
      {unsigned_spec, "no signature"},
      {misdeclared, "output 'y'"},
      {throwing, "f0 is negative"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    repository.Add("m", static_cast<int>(i) + 2, cases[i].spec);
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    const int version = static_cast<int>(i) + 2;
    INFO(cases[i].reason);
    CHECK(server.WaitForState("m", version, v1::MODEL_STATE_FAILED));
    const std::string reason = server.ModelVersion("m", version).reason();
    INFO(reason);
    CHECK(reason.find(cases[i].reason) != std::string::npos);
    CHECK(server.Log().find(cases[i].reason.substr(0, 12)) != std::string::npos);
    CHECK(server.Metric(
              absl::StrCat("predictd_model_ready{model=\"m\",version=\"", version, "\"}")) == 0);
  }
  CHECK(ServedVersion(server) == "1");
  CHECK(server.HttpGet("/readyz").code == 200);
  CHECK(server.Metric(R"(predictd_model_loads_total{model="m",result="failed"})") == 4);
  // Changed files are tried again.
  repository.Add("m", 3, Sum(1));
  CHECK(server.WaitForState("m", 3, v1::MODEL_STATE_READY));
  CHECK(ServedVersion(server) == "3");
}

TEST_CASE("versions are listed by model, newest first, and what is no version is left out") {
  ModelRepository repository;
  for (const int version : {2, 10, 9}) repository.Add("m", version, Sum(1));
  repository.Add("a", 1, Sum(1));
  repository.Write("m/007/model.pt", "no version: its name is no number as it is written");
  repository.Write("m/notes/readme", "no version");
  repository.Write("README.md", "no model");
  repository.Write(".hidden/1/model.pt", "no model");
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  const States expected = {"a/1 MODEL_STATE_READY", "m/10 MODEL_STATE_READY",
                           "m/9 MODEL_STATE_READY", "m/2 MODEL_STATE_READY"};
  CHECK(WaitUntil([&] { return Listed(server) == expected; }));
}

TEST_CASE("a repository that is empty at the start is filled while the server runs") {
  ModelRepository repository;
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=50ms"});
  const auto early = server.Predict("u", {{"f0", 1}});
  CHECK(early.code() == grpc::NOT_FOUND);
  CHECK(server.HttpGet("/readyz").code == 503);
  repository.Add("m", 1, Sum(1));
  CHECK(server.WaitUntilReady());
  CHECK(server.Predict("u", {{"f0", 1}}).ok());
}

TEST_CASE("a model's own config.json overrides the flags, and a wrong one is said") {
  ModelRepository repository;
  repository.Write("m/config.json", R"({"max_batch": 4, "max_queue": 7, "batch_delay": "0.001s"})");
  repository.Add("m", 1, Sum(1));
  repository.Write("wrong/config.json", R"({"max_batsh": 4})");
  repository.Add("wrong", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path()});
  CHECK(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  CHECK(server.WaitForState("wrong", 1, v1::MODEL_STATE_FAILED));
  const std::string reason = server.ModelVersion("wrong", 1).reason();
  INFO(reason);
  CHECK(reason.find("config.json") != std::string::npos);
  CHECK(reason.find("max_batsh") != std::string::npos);
}

}  // namespace
}  // namespace predictd::integration
