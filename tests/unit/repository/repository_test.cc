#include "server/repository/repository.h"

#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

TEST_CASE("after the first look a caller is told that the model is warming up") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  REQUIRE(rig.repository->Look().ok());
  const auto found = rig.catalog_.Find("churn", "");
  CHECK(absl::IsUnavailable(found.status()));
  CHECK(found.status().message() == "model 'churn' is warming up");
  CHECK(RetryDelay(found.status()).has_value());
  CHECK_FALSE(rig.catalog_.Ready());
}

TEST_CASE("an empty repository has no features, from the first look on") {
  Rig rig;
  REQUIRE(rig.repository->Look().ok());
  REQUIRE(rig.catalog_.snapshot()->features != nullptr);
  CHECK(rig.catalog_.snapshot()->features->size() == 0);
}

TEST_CASE("a version is loaded, warmed and published, and the greatest one serves") {
  Rig rig;
  rig.folder.AddVersion("churn", 2);
  rig.folder.AddVersion("churn", 10);
  rig.Poll();
  CHECK(rig.Serving() == "10");
  CHECK(rig.StateOf("churn", "2") == "READY");
  CHECK(rig.state_while_warming == "WARMING");
  CHECK(rig.warmed == 2);
  CHECK(rig.catalog_.Ready());
  CHECK((*rig.catalog_.Find("churn", "2"))->version == "2");
}

TEST_CASE("a version is loaded fast where nothing is served yet, and gently beside others") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  rig.folder.AddVersion("churn", 2);
  rig.folder.AddVersion("other", 1);
  rig.Poll();
  CHECK(rig.paces == std::vector<Pace>{Pace::kFast, Pace::kGentle, Pace::kGentle});
}

TEST_CASE("names that are no positive integers are no versions") {
  Rig rig;
  for (const char* name : {"0", "-1", "01", "1.5", "latest", "1x"}) {
    rig.folder.Write(std::string("m/") + name + "/model.pt", ModelFolder::EmptyArchive());
  }
  rig.Poll();
  CHECK(rig.catalog_.snapshot()->models.at("m").versions.empty());
  CHECK(absl::IsNotFound(rig.catalog_.Find("m", "").status()));
}

TEST_CASE("a version that fails leaves the old one serving and shows its reason") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  rig.folder.AddVersion("churn", 2, "fail: no such operator");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(rig.Serving() == "1");
  CHECK(rig.StateOf("churn", "2") == "FAILED: no such operator");
  const auto named = rig.catalog_.Find("churn", "2");
  CHECK(named.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(absl::StrContains(named.status().message(), "no such operator"));
}

TEST_CASE("a failed version is tried again only when its files change") {
  Rig rig;
  rig.folder.AddVersion("churn", 1, "fail: broken");
  rig.Poll();
  rig.Settle();
  for (int i = 0; i < 3; ++i) rig.Poll();
  CHECK(rig.metrics.ForModel("churn").loads_failed.Value() == 1);
  CHECK(absl::StrContains(rig.Serving(), "broken"));
  rig.folder.AddVersion("churn", 1, "good now");
  rig.Poll();
  CHECK(rig.Serving() == "1");
  CHECK(rig.metrics.ForModel("churn").loads_ok.Value() == 1);
}

TEST_CASE("golden cases that do not hold keep a version from being published") {
  Rig rig;
  rig.folder.AddVersion("churn", 1, "golden");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(rig.StateOf("churn", "1") ==
        "FAILED: golden case 0: output 0 is 2, expected 5 within 1e-05");
}

TEST_CASE("a removed version is unloaded after its last request") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  rig.folder.AddVersion("churn", 2);
  rig.Poll();
  VersionHandle held = *rig.catalog_.Find("churn", "2");
  rig.folder.Remove("churn/2");
  CHECK(rig.Poll());
  CHECK(rig.Serving() == "1");
  CHECK(rig.alive == 2);
  CHECK(rig.released == 0);
  held.reset();
  CHECK_FALSE(rig.Poll());
  CHECK(rig.alive == 1);
  CHECK(rig.released == 1);
  CHECK(rig.StateOf("churn", "2") == "no version");
}

TEST_CASE("an empty folder and lost+found are no models, and one whose versions went still is") {
  Rig rig;
  std::filesystem::create_directory(rig.folder.path() + "/empty");
  rig.folder.AddVersion("lost+found", 1);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  CHECK(rig.catalog_.Ready());
  CHECK(rig.StateOf("empty", "1") == "no model");
  CHECK(rig.StateOf("lost+found", "1") == "no model");
  rig.folder.AddVersion("other", 1);
  rig.Poll();
  CHECK(rig.catalog_.Ready());
  std::filesystem::remove_all(rig.folder.path() + "/other/1");
  rig.Poll();
  CHECK_FALSE(rig.catalog_.Ready());
}

TEST_CASE("which model is meant when none is named") {
  Rig rig;
  rig.Poll();
  CHECK(absl::IsNotFound(rig.catalog_.Find("", "").status()));
  rig.folder.AddVersion("b", 1);
  rig.Poll();
  CHECK((*rig.catalog_.Find("", ""))->model == "b");
  // Becoming a model.
  rig.folder.Write("c/config.json", "{}");
  rig.Poll();
  CHECK((*rig.catalog_.Find("", ""))->model == "b");
  CHECK(absl::StrContains(rig.catalog_.Find("c", "").status().message(), "has no version"));
  std::filesystem::remove_all(rig.folder.path() + "/c");
  rig.Poll();
  rig.folder.AddVersion("a", 1);
  rig.Poll();
  const absl::Status several = rig.catalog_.Find("", "").status();
  CHECK(absl::IsInvalidArgument(several));
  CHECK(absl::StrContains(several.message(), "'a', 'b'"));
  const absl::Status unknown = rig.catalog_.Find("c", "").status();
  CHECK(absl::IsNotFound(unknown));
  CHECK(unknown.message() == "unknown model 'c'; known are: 'a', 'b'");
  CHECK(absl::IsNotFound(rig.catalog_.Find("a", "7").status()));
}

TEST_CASE("config.json overrides the flags, and a wrong one is a reason that names the field") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.Write("m/config.json", R"({"max_batch": 16, "batch_delay": "0.005s",
                                        "defaults_when_unreachable": true, "missing_features": "refuse"})");
  rig.Poll();
  const VersionHandle version = *rig.catalog_.Find("m", "");
  CHECK(version->lane->options().max_batch == 16);
  CHECK(version->lane->options().batch_delay == absl::Milliseconds(5));
  CHECK(version->defaults_when_unreachable);
  CHECK(version->refuse_missing_features);

  rig.folder.AddVersion("n", 1);
  rig.folder.Write("n/config.json", R"({"max_batch": 0})");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(absl::StrContains(rig.StateOf("n", "1"), "max_batch must be 1"));

  rig.folder.Write("n/config.json", R"({"max_queue": 0})");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(absl::StrContains(rig.StateOf("n", "1"), "max_queue must be"));
}

TEST_CASE("a load under way is told of the stop, which then waits for its end") {
  Rig rig;
  rig.hang = true;
  rig.folder.AddVersion("m", 1);
  rig.repository->Start();
  while (rig.StateOf("m", "1") != "LOADING") absl::SleepFor(absl::Milliseconds(1));
  CHECK(rig.repository->Stop(absl::InfiniteDuration()));
}

TEST_CASE("folders whose names no version can have are told once each") {
  const CapturedLog log;
  Rig rig;
  rig.folder.AddVersion("m", 1);
  for (const char* name : {"v2", "01", "0", ".hidden"}) {
    rig.folder.Write(absl::StrCat("m/", name, "/model.pt"), "");
  }
  rig.folder.Write("m/README", "no folder");
  rig.Poll();
  rig.Poll();
  for (const char* name : {"v2", "01", "0"}) {
    CHECK(log.Count(absl::StrCat("such as 2 folder=", rig.folder.path(), "/m/", name, "\n")) == 1);
  }
  CHECK(log.Count("folder is left out") == 3);
  rig.folder.Remove("m/v2");
  rig.Poll();
  rig.folder.Write("m/v2/model.pt", "");
  rig.Poll();
  CHECK(log.Count("m/v2") == 2);
}

TEST_CASE("a repository without any version says at the start what is expected in it") {
  const CapturedLog log;
  Rig rig;
  REQUIRE(rig.repository->Look().ok());
  // A server that cannot start says nothing but why.
  CHECK(log.text().empty());
  rig.repository->Start();
  CHECK(log.Count("has no version of a model yet models=" + rig.folder.path()) == 1);
  CHECK(log.Count("churn/1/model.pt") == 1);
  rig.folder.AddVersion("m", 1);
  rig.Restart();
  REQUIRE(rig.repository->Look().ok());
  rig.repository->Start();
  CHECK(log.Count("has no version") == 1);
}

}  // namespace
}  // namespace predictd::repository
