#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "server/repository/version_choice.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

TEST_CASE("only the versions that config.json has loaded are, and a change takes effect at once") {
  Rig rig;
  for (int version = 1; version <= 4; ++version) rig.folder.AddVersion("m", version);
  rig.folder.Write("m/config.json", R"({"versions": {"latest": 2}})");
  rig.Poll();
  CHECK(rig.StateOf("m", "4") == "READY");
  CHECK(rig.StateOf("m", "3") == "READY");
  CHECK(rig.StateOf("m", "2") ==
        "UNLOADED: not among the versions that " + rig.folder.path() + "/m/config.json has loaded");
  CHECK(rig.alive == 2);

  rig.folder.Write("m/config.json", R"({"versions": {"list": [1, 3]}})");
  rig.Poll();
  CHECK(rig.Serving("m") == "3");
  CHECK(rig.StateOf("m", "1") == "READY");
  CHECK(absl::StartsWith(rig.StateOf("m", "4"), "UNLOADED: not among"));
  CHECK(rig.alive == 2);
  CHECK(rig.metrics.ForModel("m").loads_ok.Value() == 3);  // 3 was not loaded again

  rig.folder.Remove("m/config.json");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(rig.Serving("m") == "4");
  CHECK(rig.alive == 4);
}

TEST_CASE("a version that is no longer wanted serves until a wanted one is READY") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.Write("m/config.json", R"({"versions": {"latest": 1}})");
  rig.Poll();
  rig.folder.AddVersion("m", 2, "fail: broken");
  rig.Poll();
  CHECK(rig.Serving("m") == "1");
  CHECK(absl::StrContains(rig.StateOf("m", "1"), "READY: not among"));
  rig.Settle();
  rig.Poll();  // FAILED: 1 is the latest that can serve
  CHECK(rig.StateOf("m", "1") == "READY");
  CHECK(rig.StateOf("m", "2") == "FAILED: broken");
  rig.folder.AddVersion("m", 2, "good");
  rig.Poll();
  CHECK(rig.Serving("m") == "2");
  CHECK(absl::StartsWith(rig.StateOf("m", "1"), "UNLOADED: not among"));
  CHECK(rig.alive == 1);
}

TEST_CASE("a config.json that is gone for a moment, or links to nothing, hands over no traffic") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.AddVersion("m", 2);
  const std::string json = R"({"canary": {"version": 2, "percent": 1}})";
  rig.folder.Write("m/config.json", json);
  rig.Poll();
  CHECK(rig.Serving("m") == "1");
  rig.folder.Remove("m/config.json");
  SECTION("it comes back") {
    CHECK(rig.Poll());
    CHECK(rig.Serving("m") == "1");
    rig.folder.Write("m/config.json", json);
    rig.Poll();
    rig.Settle();
    rig.Poll();
    CHECK(rig.Serving("m") == "1");
  }
  SECTION("it stays away") {
    CHECK(rig.Poll());
    rig.Settle();
    rig.Poll();
    CHECK(rig.Serving("m") == "2");
  }
  SECTION("it links to nothing") {
    std::filesystem::create_symlink("nothing", rig.folder.path() + "/m/config.json");
    rig.Poll();
    rig.Settle();
    rig.Poll();
    CHECK(rig.Serving("m") == "1");
    CHECK(absl::StrContains(rig.StateOf("m", "1"), "the former settings stay: "));
  }
}

TEST_CASE("changed settings reach a version that serves on until a wanted one is READY") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.Write("m/config.json", R"({"versions": {"latest": 1}})");
  rig.Poll();
  rig.folder.AddVersion("m", 2, "fail: broken");
  rig.Poll();
  CHECK(absl::StrContains(rig.StateOf("m", "1"), "READY: not among"));
  rig.folder.Write("m/config.json", R"({"versions": {"latest": 1}, "max_batch": 5})");
  rig.Poll();
  CHECK(rig.Info("m", "1").handle->lane->options().max_batch == 5);
  CHECK(absl::StrContains(rig.StateOf("m", "1"), "READY: not among"));
  const int loads = static_cast<int>(rig.metrics.ForModel("m").loads_ok.Value());
  rig.Settle();
  rig.Poll();
  rig.Poll();
  CHECK(rig.StateOf("m", "1") == "READY");
  CHECK(rig.metrics.ForModel("m").loads_ok.Value() == loads);
}

TEST_CASE("when the greatest version cannot be loaded the next one takes its place") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.AddVersion("m", 2, "fail: broken");
  rig.folder.Write("m/config.json", R"({"versions": {"latest": 1}})");
  rig.Poll();
  rig.Settle();
  CHECK(rig.Poll());
  rig.Poll();
  CHECK(rig.Serving("m") == "1");
}

TEST_CASE("LoadModel of a version that is not wanted says where that is said") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("m", 1);
  rig.folder.AddVersion("m", 2);
  rig.folder.Write("m/config.json", R"({"versions": {"list": [1]}})");
  rig.Poll();
  const auto refused = Call(rig, rig.repository->Load(loop, "m", "2"), loop);
  CHECK(absl::IsFailedPrecondition(refused.status()));
  CHECK(absl::StrContains(refused.status().message(), "m/config.json"));
  const auto newest = Call(rig, rig.repository->Load(loop, "m", ""), loop);
  REQUIRE(newest.ok());
  CHECK(newest->versions.at(0).version == "1");
}

TEST_CASE("settings of the traffic load nothing again, those a model is loaded with do") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.AddVersion("m", 2);
  rig.Poll();
  const uint64_t serial = rig.Info("m", "1").handle->serial;
  rig.folder.Write("m/config.json", R"({"max_queue": 7, "canary": {"version": 2, "percent": 1}})");
  rig.Poll();
  CHECK(rig.Info("m", "1").handle->serial == serial);
  CHECK(rig.Info("m", "1").handle->lane->queue_limit().limit() == 7);
  CHECK(rig.Serving("m") == "1");
  rig.folder.Write("m/config.json", R"({"max_batch": 5})");
  rig.Poll();
  CHECK(rig.Info("m", "1").handle->serial > serial);
  CHECK(rig.Info("m", "1").handle->lane->options().max_batch == 5);
}

TEST_CASE("a broken config.json keeps the former settings and says so everywhere") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.Write("m/config.json", R"({"max_queue": 7})");
  rig.Poll();
  CHECK(MetricValue(rig.metrics, "predictd_model_config_invalid", {{"model", "m"}}) == 0);
  const uint64_t serial = rig.Info("m", "1").handle->serial;
  rig.folder.Write("m/config.json", R"({"max_queue": )");
  CHECK(rig.Poll());
  CHECK(rig.StateOf("m", "1") == "READY");  // perhaps half-written
  rig.Settle();
  rig.Poll();
  CHECK(absl::StartsWith(rig.StateOf("m", "1"), "READY: the former settings stay: " +
                                                    rig.folder.path() + "/m/config.json: "));
  CHECK(MetricValue(rig.metrics, "predictd_model_config_invalid", {{"model", "m"}}) == 1);
  CHECK(rig.Info("m", "1").handle->serial == serial);
  CHECK(rig.Info("m", "1").handle->lane->queue_limit().limit() == 7);

  // A version that comes meanwhile is loaded with them too.
  rig.folder.AddVersion("m", 2);
  rig.Poll();
  CHECK(rig.Serving("m") == "2");

  rig.folder.Write("m/config.json", R"({"max_queue": 8})");
  CHECK_FALSE(rig.Poll());
  CHECK(rig.StateOf("m", "1") == "READY");
  CHECK(MetricValue(rig.metrics, "predictd_model_config_invalid", {{"model", "m"}}) == 0);
  CHECK(rig.Info("m", "1").handle->lane->queue_limit().limit() == 8);
}

TEST_CASE("what is wrong in config.json is said with its file and its field") {
  const auto [json, field] = GENERATE(table<std::string, std::string>({
      {R"({"max_batchs": 3})", "max_batchs"},
      {R"({"max_batch": "many"})", "max_batch"},
      {R"({"max_batch": -1})", "max_batch"},
      {R"({"max_batch": 1.5})", "max_batch"},
      {R"({"max_batch": [1]})", "max_batch"},
      {R"({"max_batch": 5000000000})", "max_batch"},
      {R"({"batch_delay": 5})", "batch_delay"},
      {R"({"batch_delay": "soon"})", "batch_delay"},
      {R"({"defaults_when_unreachable": "maybe"})", "defaults_when_unreachable"},
      {R"({"missing_features": 1})", "missing_features"},
      {R"({"versions": [1, 2]})", "versions"},
      {R"({"versions": {"latest": "all"}})", "latest"},
      {R"({"versions": {"list": ["x"]}})", "list"},
      {R"({"canary": 5})", "canary"},
      {R"({"canary": {"version": 2, "percents": 5}})", "percents"},
      {R"({"shadow": {"version": "v2", "percent": 5}})", "version"},
  }));
  ModelFolder folder;
  folder.Write("m/config.json", json);
  const std::string path = folder.path() + "/m/config.json";
  const absl::Status wrong = ReadModelSettings(path, {}).status();
  INFO(json << ": " << wrong.message());
  CHECK(absl::StartsWith(wrong.message(), path + ": "));
  CHECK(absl::StrContains(wrong.message().substr(path.size()), field));
}

TEST_CASE("versions that failed because of config.json are tried again when it is mended") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.Write("m/config.json", R"({"max_batch": 0})");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(absl::StartsWith(rig.StateOf("m", "1"), "FAILED: "));
  rig.folder.Write("m/config.json", R"({"max_batch": 1})");
  rig.Poll();
  CHECK(rig.StateOf("m", "1") == "READY");
}

TEST_CASE("what is wrong in config.json is said with its field and what it may be") {
  struct Case {
    const char* json;
    const char* says;
  };
  const Case cases[] = {
      {R"({"versions": {}})", "versions must say either latest"},
      {R"({"versions": {"latest": 1, "list": [1]}})", "versions must say either latest"},
      {R"({"versions": {"latest": 0}})", "versions.latest must be 1 to"},
      {R"({"versions": {"list": [3, 0]}})", "versions.list has 0"},
      {R"({"canary": {"percent": 5}})", "canary.version must be a positive integer"},
      {R"({"canary": {"version": 2, "percent": 101}})", "canary.percent must be 0 to 100"},
      {R"({"canary": {"version": 2, "percent": "NaN"}})", "canary.percent must be 0 to 100"},
      {R"({"canary": {"version": 2, "percent": 1, "max_error_percent": -1}})",
       "canary.max_error_percent must be 0 to 100"},
      {R"({"shadow": {"version": 2, "percent": -1}})", "shadow.percent must be 0 to 100"},
      {R"({"canary": {"version": 2}, "shadow": {"version": 2}})", "are both 2"},
      {R"({"canari": {"version": 2}})", "canari"},
  };
  ModelFolder folder;
  for (const Case& c : cases) {
    CAPTURE(c.json);
    folder.Write("config.json", c.json);
    const auto settings = ReadModelSettings(folder.path() + "/config.json", ModelSettings());
    REQUIRE(absl::IsFailedPrecondition(settings.status()));
    CHECK(absl::StrContains(settings.status().message(), c.says));
    CHECK(absl::StrContains(settings.status().message(), "config.json: "));
  }
}

TEST_CASE("a model whose largest batch takes too much memory is FAILED with what to lower") {
  Rig rig;
  rig.folder.AddVersion("churn", 1, "columns: 1000000");
  rig.folder.Write("churn/config.json", R"({"max_batch": 1048576})");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(
      rig.StateOf("churn", "1") ==
      "FAILED: a batch of 1048576 rows of 8000000 bytes takes more than 1 GiB: lower max_batch in "
      "config.json, or --max_batch");
  rig.folder.Write("churn/config.json", R"({"max_batch": 128})");
  rig.Poll();
  CHECK(rig.Serving() == "1");
}

TEST_CASE("canary and shadow are loaded too and take nobody's place") {
  ModelSettings settings;
  settings.versions.latest = 1;
  settings.canary = {.version = 5, .percent = 1};
  settings.shadow = {2, 1};
  const std::vector<VersionCandidate> all = {{5}, {4}, {3}, {2}, {1}};
  CHECK(ChooseVersions(settings, all) == std::set<int64_t>{2, 4, 5});
  settings.versions = {.latest = 0, .list = {1}};
  CHECK(ChooseVersions(settings, all) == std::set<int64_t>{1, 2, 5});
  settings.versions = {};
  CHECK(ChooseVersions(settings, all).size() == 5);
}

}  // namespace
}  // namespace predictd::repository
