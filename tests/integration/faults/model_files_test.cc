// Model files that are cut off, half-copied, or not what they seem.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/integration/faults/rig.h"
#include "tests/integration/faults/versions.h"

namespace predictd::integration {
namespace {

namespace fs = std::filesystem;

constexpr char kFailedLoads[] = R"(predictd_model_loads_total{model="m",result="failed"})";

TEST_CASE("A model file that is cut off anywhere fails with the reason; the old version serves") {
  Rig rig;
  PredictdProcess predictd(rig.Flags({"--model_poll=100ms"}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());

  constexpr int kCuts = 100;
  const ModelSpec spec = Identity(kFeatures);
  const uintmax_t size = fs::file_size(rig.models.VersionPath("m", 1) / "model.pt");
  for (int cut = 0; cut < kCuts; ++cut) {
    // The last ones lie in the archive's directory, each cutting off a little more of it.
    const uintmax_t bytes = cut < 80 ? size * cut / 80 : size - 7 * (kCuts - cut) + 6;
    rig.models.AddCut("m", 2 + cut, spec, bytes);
  }
  CHECK(predictd.WaitForMetric(kFailedLoads, kCuts));
  const auto list = predictd.ListModels();
  for (const v1::ModelVersion& version : list.response.models()) {
    if (version.version() == "1") continue;
    INFO("version " << version.version() << ": " << version.reason());
    CHECK(version.state() == v1::MODEL_STATE_FAILED);
    CHECK(version.reason().find("cut off") != std::string::npos);
  }
  CHECK(predictd.Predict("u1").response.version() == "1");
  CHECK(predictd.Metric(R"(predictd_model_ready{model="m",version="1"})") == 1);
  CHECK(predictd.Metric(kFailedLoads) == kCuts);

  // Changed files are tried again.
  rig.models.Add("m", 50, spec);
  CHECK(predictd.WaitForState("m", 50, v1::MODEL_STATE_READY));
  CHECK(predictd.Predict("u1").response.version() == "50");
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A model file with wrong bytes in the middle is refused or right, and ends nothing") {
  Rig rig;
  PredictdProcess predictd(rig.Flags({"--model_poll=100ms", "--default_model=m"}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  constexpr int kWrong = 40;
  const ModelSpec spec = Identity(kFeatures).Golden({1, 2, 3}, {1, 2, 3});
  for (int wrong = 0; wrong < kWrong; ++wrong) {
    rig.models.Add("other", 1 + wrong, spec);
    const fs::path file = rig.models.VersionPath("other", 1 + wrong) / "model.pt";
    const auto size = static_cast<std::streamoff>(fs::file_size(file));
    std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(size * wrong / kWrong);
    bytes << "\xff\x80zz";
  }
  const auto settled = [&] {
    const auto list = predictd.ListModels();
    for (const v1::ModelVersion& version : list.response.models()) {
      if (version.state() != v1::MODEL_STATE_READY && version.state() != v1::MODEL_STATE_FAILED) {
        return false;
      }
    }
    return list.response.models_size() == kWrong + 1;
  };
  CHECK(WaitUntil(settled));
  CHECK(predictd.WaitForMetric(R"(predictd_model_loads_total{model="other",result="failed"})", 1));
  const auto list = predictd.ListModels();
  for (const v1::ModelVersion& version : list.response.models()) {
    if (version.state() != v1::MODEL_STATE_READY) continue;
    INFO(version.model() << " " << version.version());
    v1::PredictRequest request;
    request.set_user_id("u1");
    request.set_model(version.model());
    request.set_version(version.version());
    const auto answer = predictd.Predict(request);
    CHECK(answer.ok());
    CHECK(OwnRow(request, answer.response).empty());
  }
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A file that is copied slowly is waited for and never served half") {
  Rig rig;
  AddVersion(rig.models, 1);
  PredictdProcess predictd(rig.Flags({"--model_poll=50ms", "--default_model=m"}));
  REQUIRE(predictd.WaitForState("s", 1, v1::MODEL_STATE_READY));
  Load load(predictd.grpc_address(), VersionLoad());

  const char* failed = R"(predictd_model_loads_total{model="s",result="failed"})";
  int version = 1;
  absl::Duration longest_gap = absl::InfiniteDuration();
  double failures = 0;
  // Again where the copy paused for about as long as files take to settle: on a machine with other
  // things to do.
  for (; version < 6 && longest_gap > absl::Seconds(1); ++version) {
    const double before = predictd.Metric(failed);
    const int next = version + 1;
    // In all longer than files take to settle, so that only what goes on with them can be why.
    longest_gap = rig.models.AddSlowly("s", next, Sum(kFeatures, static_cast<float>(next)), 30,
                                       absl::Milliseconds(120));
    CHECK(predictd.WaitForState("s", next, v1::MODEL_STATE_READY));
    failures = predictd.Metric(failed) - before;
  }
  CHECK(longest_gap <= absl::Seconds(1));
  CHECK(failures == 0);
  const std::string newest = std::to_string(version);
  CHECK(WaitUntil([&] { return predictd.Predict("u1", {}, "s").response.version() == newest; }));
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Metric(R"(predictd_model_loads_total{model="s",result="ok"})") == version);
  CheckSteady(predictd);
}

TEST_CASE("A version whose files are still to come is waited for before it is FAILED") {
  Rig rig;
  rig.models.Add("parts", 1, Sum(kFeatures));
  PredictdProcess predictd(rig.Flags({"--model_poll=50ms", "--default_model=m"}));
  REQUIRE(predictd.WaitForState("parts", 1, v1::MODEL_STATE_READY));
  const fs::path whole = rig.models.VersionPath("parts", 1);

  const std::vector<std::string> first = {"", "signature.json", "model.pt"};
  for (size_t i = 0; i < first.size(); ++i) {
    INFO("first comes '" << first[i] << "'");
    const int version = static_cast<int>(i) + 2;
    const fs::path folder = rig.models.VersionPath("parts", version);
    const absl::Time begin = absl::Now();
    fs::create_directory(folder);
    if (!first[i].empty()) fs::copy_file(whole / first[i], folder / first[i]);
    CHECK(predictd.WaitForState("parts", version, v1::MODEL_STATE_FAILED));
    CHECK(absl::Now() - begin > absl::Milliseconds(1900));
    CHECK_FALSE(predictd.ModelVersion("parts", version).reason().empty());
    fs::copy(whole, folder, fs::copy_options::recursive | fs::copy_options::skip_existing);
    CHECK(predictd.WaitForState("parts", version, v1::MODEL_STATE_READY));
  }
}

TEST_CASE("What is no file among a version's files fails it with the reason; others are loaded") {
  Rig rig;
  PredictdProcess predictd(rig.Flags({"--model_poll=50ms", "--default_model=m"}));
  REQUIRE(predictd.WaitUntilReady());
  const fs::path whole = rig.models.VersionPath("m", 1);
  int version = 0;
  for (const std::string name : {"model.pt", "model.pt2", "signature.json"}) {
    const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> kinds = {
        {name + " is no regular file", [](const fs::path& path) { ::mkfifo(path.c_str(), 0600); }},
        {name + " is no regular file", [](const fs::path& path) { fs::create_directory(path); }},
        {name + " is no regular file",
         [](const fs::path& path) { fs::create_symlink("/dev/zero", path); }},
        {name + ": Too many levels", [&](const fs::path& path) { fs::create_symlink(name, path); }},
    };
    for (const auto& [reason, make] : kinds) {
      INFO(reason);
      const fs::path folder = rig.models.VersionPath("odd", ++version);
      const fs::path staged = folder.parent_path() / ".staged";
      fs::create_directories(staged);
      for (const std::string file : {"model.pt", "signature.json"}) {
        // Where both kinds of model are there, this one may be meant.
        const bool left_out = file == name || (name == "model.pt2" && file == "model.pt");
        if (!left_out) fs::copy_file(whole / file, staged / file);
      }
      make(staged / name);
      fs::rename(staged, folder);
      CHECK(predictd.WaitForState("odd", version, v1::MODEL_STATE_FAILED));
      CHECK(predictd.ModelVersion("odd", version).reason().find(reason) != std::string::npos);
    }
  }
  fs::copy(whole, rig.models.VersionPath("odd", ++version));
  CHECK(predictd.WaitForState("odd", version, v1::MODEL_STATE_READY));
  CheckSteady(predictd);
}

TEST_CASE("An archive that is no model fails with what libtorch misses in it, and nothing more") {
  Rig rig;
  PredictdProcess predictd(rig.Flags({"--model_poll=50ms"}));
  REQUIRE(predictd.WaitUntilReady());
  std::ifstream file(rig.models.VersionPath("m", 1) / "model.pt", std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  // An entry's name stands at its place and in the archive's directory.
  for (size_t at = 0; (at = bytes.find("/version", at)) != std::string::npos;) bytes[at + 1] = 'x';
  rig.models.Write("m/2/model.pt", bytes);
  CHECK(predictd.WaitForState("m", 2, v1::MODEL_STATE_FAILED));
  const std::string reason = predictd.ModelVersion("m", 2).reason();
  INFO(reason);
  CHECK(reason.find("libtorch cannot load or run ") == 0);
  CHECK(reason.find("hasRecord(\"version\")") != std::string::npos);
  CHECK(reason.find("PyTorch.)") == std::string::npos);
}

}  // namespace
}  // namespace predictd::integration
