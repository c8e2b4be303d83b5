// Folders of the model repository that are there and cannot be read.
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

namespace fs = std::filesystem;

constexpr char kCannot[] = "model folder cannot be read";
constexpr char kAgain[] = "model folder can be read again";

// While it lives, a link to itself stands where the folder was, which nobody can read, root
// neither.
class Unreadable {
 public:
  explicit Unreadable(fs::path folder)
      : folder_(std::move(folder)),
        aside_(folder_.parent_path() / ("." + folder_.filename().string())) {
    fs::rename(folder_, aside_);
    fs::create_symlink(folder_.filename(), folder_);
  }
  ~Unreadable() {
    fs::remove(folder_);
    fs::rename(aside_, folder_);
  }

 private:
  const fs::path folder_;
  const fs::path aside_;
};

TEST_CASE("what was loaded serves on while its folder cannot be read, and says why") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  const std::string folder = GENERATE("", "/churn", "/churn/2");
  rig.folder.Write("churn/config.json", R"({"max_batch": 16})");
  rig.folder.AddVersion("churn", 1);
  rig.folder.AddVersion("churn", 2);
  rig.folder.AddVersion("churn", 3);
  rig.Poll();
  REQUIRE(Call(rig, rig.repository->Unload(loop, "churn", "3"), loop).ok());
  const uint64_t serial = (*rig.catalog_.Find("churn", "2"))->serial;
  const CapturedLog log;
  {
    const Unreadable unreadable(rig.folder.path() + folder);
    for (int i = 0; i < 3; ++i) {
      CHECK_FALSE(rig.Poll());
      rig.Settle();
    }
    CHECK(rig.Serving() == "2");
    CHECK(rig.StateOf("churn", "2") == "READY: what was loaded stays: cannot read " +
                                           rig.folder.path() + folder +
                                           ": Too many levels of symbolic links");
    CHECK(rig.StateOf("churn", "3") == "UNLOADED: unloaded by request");
    CHECK((*rig.catalog_.Find("churn", ""))->lane->options().max_batch == 16);
    CHECK(rig.metrics.folders_unreadable.Value() == 1);
    CHECK(log.Count(kCannot) == 1);
    CHECK(log.Count(kAgain) == 0);
  }
  rig.Poll();
  CHECK(rig.StateOf("churn", "2") == "READY");
  CHECK((*rig.catalog_.Find("churn", "2"))->serial == serial);
  CHECK(rig.StateOf("churn", "3") == "UNLOADED: unloaded by request");
  CHECK(rig.metrics.folders_unreadable.Value() == 0);
  CHECK(log.Count(kCannot) == 1);
  CHECK(log.Count(kAgain) == 1);
}

TEST_CASE("a version that waits for its files waits for its folder too, without being tried") {
  Rig rig;
  const std::string folder = GENERATE("", "/churn");
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  rig.folder.AddVersion("churn", 2, "fail: half of it");
  rig.Poll();
  const size_t loads = rig.paces.size();
  {
    const Unreadable unreadable(rig.folder.path() + folder);
    for (int i = 0; i < 3; ++i) {
      rig.Settle();
      CHECK_FALSE(rig.Poll());
    }
    CHECK(rig.paces.size() == loads);
    CHECK(absl::StrContains(
        rig.StateOf("churn", "2"),
        "waits until its folder can be read: cannot read " + rig.folder.path() + folder));
    CHECK(rig.Serving() == "1");
  }
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(rig.StateOf("churn", "2") == "FAILED: half of it");
}

TEST_CASE("a new folder that cannot be read is named with its reason, and keeps nobody waiting") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.folder.AddVersion("new", 1);
  const CapturedLog log;
  {
    const Unreadable unreadable(rig.folder.path() + "/new");
    rig.Poll();
    rig.Poll();
    CHECK(rig.catalog_.Ready());
    CHECK(log.Count(kCannot) == 1);
    CHECK(absl::StrContains(rig.catalog_.snapshot()->unreadable.at("new"), "cannot read"));
    const absl::Status asked = rig.catalog_.Find("new", "").status();
    CHECK(absl::IsFailedPrecondition(asked));
    CHECK(absl::StrContains(asked.message(), "cannot read"));
    const auto loaded = Call(rig, rig.repository->Load(loop, "new", ""), loop);
    CHECK(absl::IsFailedPrecondition(loaded.status()));
    CHECK(absl::StrContains(loaded.status().message(), "cannot read"));
  }
  rig.Poll();
  CHECK(rig.Serving("new") == "1");
  CHECK(rig.catalog_.snapshot()->unreadable.empty());
}

TEST_CASE("a new version whose folder cannot be read is FAILED until it can") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  rig.folder.AddVersion("churn", 2);
  {
    const Unreadable unreadable(rig.folder.path() + "/churn/2");
    rig.Poll();
    rig.Settle();
    rig.Poll();
    CHECK(absl::StartsWith(rig.StateOf("churn", "2"), "FAILED: cannot read"));
    CHECK(rig.Serving() == "1");
  }
  rig.Poll();
  CHECK(rig.Serving() == "2");
}

TEST_CASE("a folder that is gone takes its versions with it, whatever stands in its place") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  rig.folder.AddVersion("churn", 2);
  rig.Poll();
  rig.folder.Remove("churn/2");
  rig.folder.Write("churn/2", "a file");
  rig.Poll();
  CHECK(rig.Serving() == "1");
  rig.folder.Remove("churn");
  fs::create_symlink("nowhere", rig.folder.path() + "/churn");
  rig.Poll();
  CHECK(rig.StateOf("churn", "1") == "no model");
  CHECK(rig.catalog_.snapshot()->unreadable.empty());
}

TEST_CASE("a config.json that cannot be looked at leaves the former settings and says why") {
  Rig rig;
  rig.folder.AddVersion("churn", 1);
  rig.folder.Write("churn/config.json", R"({"max_batch": 16})");
  rig.Poll();
  const Unreadable unreadable(rig.folder.path() + "/churn/config.json");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK((*rig.catalog_.Find("churn", ""))->lane->options().max_batch == 16);
  CHECK(absl::StrContains(rig.StateOf("churn", "1"), "config.json: cannot be read: Too many"));
}

}  // namespace
}  // namespace predictd::repository
