#include "server/repository/folder_watch.h"

#include <sys/resource.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/catch.h"
#include "tests/fakes/running_loop.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

namespace fs = std::filesystem;

// Far more than a change takes to be told of, on a busy machine.
constexpr absl::Duration kLongEnough = absl::Seconds(10);

void Pause(int millis) { std::this_thread::sleep_for(std::chrono::milliseconds(millis)); }

template <typename Condition>
bool Eventually(Condition condition) {
  const SystemClock clock;
  const absl::Time give_up = clock.Now() + kLongEnough;
  while (!condition()) {
    if (clock.Now() > give_up) return false;
    Pause(1);
  }
  return true;
}

class WatchRig {
 public:
  explicit WatchRig(const std::string& below = "")
      : watch(folder.path() + below, [this] { ++told; }) {}

  // What the change does is told of, once nothing more of what came before is.
  template <typename Change>
  bool ToldOf(Change change) {
    if (!Settles()) return false;
    const int before = told;
    change();
    return Eventually([&] { return told > before; });
  }
  // After a change there is quiet sooner or later.
  bool Settles() {
    return Eventually([&] {
      const int before = told;
      Pause(60);
      return told == before;
    });
  }

  ModelFolder folder;
  std::atomic<int> told{0};
  FolderWatch watch;
};

TEST_CASE("whatever changes in the folders of models and versions is told of") {
  WatchRig rig;
  const std::string path = rig.folder.path();
  CHECK(rig.ToldOf([&] { fs::create_directory(path + "/m"); }));
  CHECK(rig.ToldOf([&] { rig.folder.Write("m/config.json", "{}"); }));
  CHECK(rig.ToldOf([&] { rig.folder.Write("m/.tmp/model.pt", "x"); }));
  CHECK(rig.ToldOf([&] { fs::rename(path + "/m/.tmp", path + "/m/1"); }));
  CHECK(rig.ToldOf([&] { rig.folder.Write("m/1/signature.json", "{}"); }));
  CHECK(rig.ToldOf([&] { ::utimes((path + "/m/1/model.pt").c_str(), nullptr); }));  // touch
  CHECK(rig.ToldOf([&] { rig.folder.Write("n/2/model.pt", "x"); }));
  CHECK(rig.ToldOf([&] { rig.folder.Write("n/2/model.pt", "xy"); }));
  CHECK(rig.ToldOf([&] { rig.folder.Remove("m"); }));
  CHECK(rig.Settles());
}

TEST_CASE("links are followed, and a link that is swapped is told of") {
  ModelFolder elsewhere;
  elsewhere.Write("a/1/model.pt", "x");
  elsewhere.Write("b/1/model.pt", "y");
  WatchRig rig;
  const std::string link = rig.folder.path() + "/m";
  CHECK(rig.ToldOf([&] { fs::create_directory_symlink(elsewhere.path() + "/a", link); }));
  CHECK(rig.ToldOf([&] { elsewhere.Write("a/1/model.pt", "z"); }));
  CHECK(rig.ToldOf([&] {
    fs::create_directory_symlink(elsewhere.path() + "/b", rig.folder.path() + "/.next");
    fs::rename(rig.folder.path() + "/.next", link);
  }));
  CHECK(rig.ToldOf([&] { elsewhere.Write("b/1/model.pt", "w"); }));
  // Some tries, since the watch may be late in telling of what came before.
  bool quiet = false;
  for (int round = 0; round < 5 && !quiet; ++round) {
    REQUIRE(rig.Settles());
    const int before = rig.told;
    elsewhere.Write("a/1/model.pt", "nobody's any more");
    Pause(60);
    quiet = rig.told == before;
  }
  CHECK(quiet);
}

TEST_CASE("the repository itself may be a link that is swapped") {
  ModelFolder folder;
  folder.Write("first/m/1/model.pt", "x");
  folder.Write("second/m/1/model.pt", "x");
  const std::string link = folder.path() + "/current";
  fs::create_directory_symlink(folder.path() + "/first", link);
  std::atomic<int> told{0};
  const FolderWatch watch(link, [&] { ++told; });
  folder.Write("unrelated", "x");
  Pause(60);
  CHECK(told == 0);
  fs::create_directory_symlink(folder.path() + "/second", folder.path() + "/next");
  fs::rename(folder.path() + "/next", link);
  CHECK(Eventually([&] { return told > 0; }));
  Pause(60);
  const int before = told;
  folder.Write("second/m/1/model.pt", "xy");
  CHECK(Eventually([&] { return told > before; }));
}

TEST_CASE("a folder that goes and comes back is watched again") {
  WatchRig rig("/models");
  CHECK(rig.ToldOf([&] { rig.folder.Write("models/m/1/model.pt", "x"); }));
  CHECK(rig.ToldOf([&] { rig.folder.Write("models/m/1/model.pt", "xy"); }));
}

TEST_CASE("without a descriptor for it there is no watch, and no error") {
  ModelFolder folder;
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 3;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  {
    const FolderWatch watch(folder.path(), [] {});
  }
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

// A repository that would look by itself only once an hour, and has had its first look: the version
// that was there is loaded.
class SeldomRig : public Rig {
 public:
  explicit SeldomRig(absl::Duration poll = absl::Hours(1)) {
    folder.AddVersion("first", 1);
    Restart(poll);
    REQUIRE(repository->Look().ok());
    repository->Start();
    REQUIRE(Shows("first", "1", "READY"));
  }
  ~SeldomRig() { repository->Stop(absl::InfiniteDuration()); }

  bool Shows(const std::string& model, const std::string& version, const std::string& state) {
    return Eventually([&] { return StateOf(model, version) == state; });
  }
};

TEST_CASE("a version is loaded when its files come, long before the next poll") {
  SeldomRig rig;
  const std::string path = rig.folder.path();
  rig.folder.AddVersion("m", 1);
  CHECK(rig.Shows("m", "1", "READY"));

  // A slow copy.
  rig.folder.Write("m/2/signature.json", "");
  const std::string archive = ModelFolder::EmptyArchive();
  for (size_t length = 0; length <= archive.size(); length += 40) {
    rig.folder.Write("m/2/model.pt", archive.substr(0, length));
    Pause(20);
  }
  rig.folder.Write("m/2/model.pt", archive);
  CHECK(rig.Shows("m", "2", "READY"));

  // A link that is swapped.
  ModelFolder elsewhere;
  elsewhere.AddVersion("a", 1);
  elsewhere.AddVersion("b", 1, "other files");
  fs::create_directory_symlink(elsewhere.path() + "/a/1", path + "/m/3");
  CHECK(rig.Shows("m", "3", "READY"));
  const uint64_t serial = rig.Info("m", "3").handle->serial;
  fs::create_directory_symlink(elsewhere.path() + "/b/1", path + "/m/.3");
  fs::rename(path + "/m/.3", path + "/m/3");
  CHECK(Eventually([&] { return rig.Info("m", "3").handle->serial > serial; }));
  CHECK(rig.Shows("m", "3", "READY"));

  fs::remove(path + "/m/3");
  CHECK(rig.Shows("m", "3", "no version"));
  rig.folder.Write("m/config.json", R"({"versions": {"latest": 1}})");
  CHECK(Eventually([&] { return rig.StateOf("m", "1").rfind("UNLOADED", 0) == 0; }));
}

TEST_CASE("with --model_poll=0 nothing is looked at but on request") {
  SeldomRig rig(absl::ZeroDuration());
  rig.folder.AddVersion("m", 1);
  Pause(100);
  CHECK(rig.StateOf("m", "1") == "no model");
  RunningLoop loop(rig.clock_);
  Scope scope;
  std::atomic<bool> loaded{false};
  auto load = [&]() -> Task<void> { loaded = (co_await rig.repository->Load(loop, "m", "")).ok(); };
  loop.Do([&] { scope.Spawn(load()); });
  CHECK(Eventually([&] { return loaded.load(); }));
  loop.Do([] {});  // the task has ended
  // Its thread, which has woken the loop, may be about to leave it only now.
  rig.repository->Stop(absl::InfiniteDuration());
}

}  // namespace
}  // namespace predictd::repository
