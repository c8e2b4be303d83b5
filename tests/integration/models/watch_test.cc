// Changes in the folder that inotify tells of: the next poll is an hour away in these tests.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

namespace fs = std::filesystem;

// Makes `link` lead to `target`, in one step.
void Swap(const fs::path& link, const fs::path& target) {
  const fs::path fresh = link.parent_path() / ".fresh";
  fs::create_symlink(target, fresh);
  fs::rename(fresh, link);
}

TEST_CASE("a version that is renamed into place is READY without a poll, and gone without one") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=1h"});
  REQUIRE(server.WaitUntilReady());
  repository.Add("m", 2, FactorModel(2));
  CHECK(server.WaitForState("m", 2, v1::MODEL_STATE_READY));
  CHECK(ServedVersion(server) == "2");
  // In folders that were not there when it started.
  repository.Add("new", 1, FactorModel(1));
  CHECK(server.WaitForState("new", 1, v1::MODEL_STATE_READY));
  repository.Add("new", 2, FactorModel(2));
  CHECK(server.WaitForState("new", 2, v1::MODEL_STATE_READY));
  repository.Remove("m", 2);
  CHECK(server.WaitForState("m", 2, v1::MODEL_STATE_UNSPECIFIED));
  CHECK(server.Predict("u", {{"f0", 1}}, "m").response.version() == "1");
}

TEST_CASE("a version that is copied into place piece by piece is READY without a poll") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=1h"});
  REQUIRE(server.WaitUntilReady());
  repository.AddSlowly("m", 2, FactorModel(2), 5, absl::Milliseconds(20));
  CHECK(server.WaitForState("m", 2, v1::MODEL_STATE_READY));
  // A file of a version that serves, by rename.
  ModelRepository other;
  other.Add("m", 2, FactorModel(5));
  fs::copy_file(other.VersionPath("m", 2) / "model.pt", repository.VersionPath("m", 2) / ".new");
  fs::rename(repository.VersionPath("m", 2) / ".new", repository.VersionPath("m", 2) / "model.pt");
  CHECK(WaitUntil([&] { return server.Predict("u", {{"f0", 1}}).response.outputs(0) == 5; }));
}

TEST_CASE("links to a version and to the repository are followed when they are swapped") {
  // Releases lie outside of what is looked at.
  ModelRepository one;
  ModelRepository two;
  one.Add("m", 1, FactorModel(1));
  two.Add("m", 1, FactorModel(2));
  ModelRepository three;
  three.Add("m", 1, FactorModel(3));
  ModelRepository linked;
  fs::create_directory(fs::path(linked.path()) / "m");
  Swap(linked.VersionPath("m", 1), one.VersionPath("m", 1));
  const TempFolder folder;
  const fs::path models = folder.path() / "current";
  Swap(models, linked.path());
  PredictdProcess server({"--models=" + models.string(), "--model_poll=1h"});
  REQUIRE(server.WaitUntilReady());
  Load::Options options = FactorLoad();
  options.check = nullptr;
  Load load(server.grpc_address(), options);
  const auto answers = [&](float factor) {
    return WaitUntil([&] {
      return server.Predict("u", {{"f0", 1}}).response.outputs(0) == factor;
    });
  };
  CHECK(answers(1));
  Swap(linked.VersionPath("m", 1), two.VersionPath("m", 1));
  CHECK(answers(2));
  // The link of the whole repository.
  Swap(models, three.path());
  CHECK(answers(3));
  Swap(models, linked.path());
  CHECK(answers(2));
  REQUIRE(load.WaitFor(20));
  CHECK(load.Stop().failed() == 0);
}

TEST_CASE("a model whose folder cannot be read for a while serves on, and a new one is named") {
  ModelRepository releases;
  releases.Add("m", 1, FactorModel(1));
  ModelRepository repository;
  const fs::path m = fs::path(repository.path()) / "m";
  const fs::path fresh = fs::path(repository.path()) / "fresh";
  const fs::path release = fs::path(releases.path()) / "m";
  Swap(m, release);
  PredictdProcess server({"--models=" + repository.path(), "--default_model=m"});
  REQUIRE(server.WaitUntilReady());
  Load load(server.grpc_address(), FactorLoad());
  // Links to themselves: nobody can read them, root neither.
  Swap(m, "m");
  Swap(fresh, "fresh");
  CHECK(server.WaitForMetric("predictd_model_folders_unreadable", 2));
  CHECK(server.HttpGet("/readyz").code == 200);
  const auto list = server.ListModels();
  REQUIRE(list.response.models_size() == 2);
  CHECK(list.response.models(0).state() == v1::MODEL_STATE_READY);
  CHECK(list.response.models(0).reason().find("what was loaded stays: cannot read") == 0);
  CHECK(list.response.models(1).model() == "fresh");
  CHECK(list.response.models(1).state() == v1::MODEL_STATE_FAILED);
  CHECK(list.response.models(1).reason().find("cannot read") == 0);
  Swap(m, release);
  Swap(fresh, release);
  CHECK(server.WaitForState("fresh", 1, v1::MODEL_STATE_READY));
  CHECK(WaitUntil([&] { return server.ModelVersion("m", 1).reason().empty(); }));
  CHECK(server.Metric("predictd_model_folders_unreadable") == 0);
  CHECK(server.Metric(R"(predictd_model_loads_total{model="m",result="ok"})") == 1);
  REQUIRE(load.WaitFor(20));
  CHECK(load.Stop().failed() == 0);
}

}  // namespace
}  // namespace predictd::integration
