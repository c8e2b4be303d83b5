// Files of a version that are still being copied, or change.
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "server/repository/repository.h"
#include "tests/catch.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

TEST_CASE("half-copied files are waited for and then served") {
  Rig rig;
  const std::string archive = ModelFolder::EmptyArchive();
  rig.folder.Write("churn/1/signature.json", "ok");
  for (size_t length = 0; length < archive.size(); length += 7) {
    rig.folder.Write("churn/1/model.pt", archive.substr(0, length));
    CHECK(rig.Poll());
    CHECK(absl::StartsWith(rig.StateOf("churn", "1"), "LOADING: waiting for its files"));
    CHECK(absl::IsUnavailable(rig.catalog_.Find("churn", "").status()));
  }
  rig.folder.Write("churn/1/model.pt", archive);
  rig.Poll();
  CHECK(rig.Serving() == "1");
  CHECK(rig.metrics.ForModel("churn").loads_failed.Value() == 0);
}

TEST_CASE("a file that is half the one before is waited for, then FAILED, and never served") {
  Rig rig;
  const std::string second = ModelFolder::Archive("123456789", 0xCBF43926);
  std::string mixed = second;
  mixed[mixed.find("123")] = '0';
  rig.folder.AddVersion("churn", 1);
  rig.folder.Write("churn/1/model.pt", mixed);
  CHECK(rig.Poll());
  CHECK(absl::StartsWith(rig.StateOf("churn", "1"), "LOADING: waiting for its files"));
  SECTION("the rest does not come") {
    rig.Settle();
    rig.Poll();
    CHECK(absl::StrContains(rig.StateOf("churn", "1"), "model.pt is damaged"));
  }
  SECTION("the rest comes") {
    rig.folder.Write("churn/1/model.pt", second);
    rig.Poll();
    CHECK(rig.Serving() == "1");
  }
}

TEST_CASE("a folder whose files are still to come is waited for, then served or FAILED") {
  Rig rig;
  const std::string first = GENERATE("", "signature.json");
  const std::filesystem::path folder = rig.folder.path() + "/churn/1";
  std::filesystem::create_directories(folder);
  if (!first.empty()) {
    rig.folder.Write("churn/1/" + first, "");
    // Copied with its times.
    std::filesystem::last_write_time(folder / first, std::filesystem::file_time_type());
  }
  CHECK(rig.Poll());
  CHECK(absl::StartsWith(rig.StateOf("churn", "1"), "LOADING: waiting for its files"));
  CHECK(absl::IsUnavailable(rig.catalog_.Find("churn", "").status()));
  SECTION("none comes") {
    rig.Settle();
    rig.Poll();
    CHECK(absl::StartsWith(rig.StateOf("churn", "1"), "FAILED: "));
    CHECK(rig.metrics.ForModel("churn").loads_failed.Value() == 1);
  }
  SECTION("they come late") {
    rig.Settle();
    rig.Poll();
    rig.folder.AddVersion("churn", 1);
    rig.Poll();
    CHECK(rig.Serving() == "1");
  }
  SECTION("they come in time") {
    rig.folder.AddVersion("churn", 1);
    rig.Poll();
    CHECK(rig.Serving() == "1");
    CHECK(rig.metrics.ForModel("churn").loads_failed.Value() == 0);
  }
}

TEST_CASE("changed files of a serving version are loaded while the old ones serve") {
  Rig rig;
  rig.folder.AddVersion("churn", 1, "first");
  rig.Poll();
  const uint64_t before = (*rig.catalog_.Find("churn", ""))->serial;
  rig.folder.AddVersion("churn", 1, "fail: worse");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK((*rig.catalog_.Find("churn", ""))->serial == before);
  CHECK(absl::StrContains(rig.StateOf("churn", "1"), "worse"));
  rig.folder.AddVersion("churn", 1, "better");
  rig.Poll();
  CHECK((*rig.catalog_.Find("churn", ""))->serial > before);
  CHECK(rig.StateOf("churn", "1") == "READY");
}

TEST_CASE("the memory of a load that fails is given back") {
  Rig rig;
  rig.folder.AddVersion("churn", 1, "golden");
  rig.Poll();
  CHECK(rig.released == 1);  // waiting for its files
  rig.Settle();
  rig.Poll();
  CHECK(rig.released == 2);
  rig.Poll();
  CHECK(rig.released == 2);
}

}  // namespace
}  // namespace predictd::repository
