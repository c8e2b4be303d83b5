#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/repository/user_share.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/metric_value.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

// Versions 1 and 2 of model "m", 2 as canary.
class CanaryRig : public Rig {
 public:
  explicit CanaryRig(const std::string& percent = "20") {
    folder.AddVersion("m", 1);
    folder.AddVersion("m", 2);
    Configure(percent);
  }

  void Configure(const std::string& percent, const std::string& more = "") {
    folder.Write("m/config.json",
                 R"({"canary": {"version": 2, "percent": )" + percent + more + "}}");
    Poll();
  }

  std::string VersionFor(const std::string& user) {
    const auto found = catalog_.Find("m", "", user);
    return found.ok() ? (*found)->version : std::string(found.status().message());
  }

  // How many of 10,000 users get the canary.
  int Users() {
    int users = 0;
    for (int i = 0; i < 10000; ++i) users += VersionFor(absl::StrCat(i)) == "2" ? 1 : 0;
    return users;
  }

  void Count(int rows, const absl::Status& status) {
    const VersionHandle canary = *catalog_.Find("m", "2");
    for (int i = 0; i < rows; ++i) canary->outcomes.Count(status);
  }
};

const absl::Status kFailure = absl::InternalError("threw");

TEST_CASE("a canary or shadow whose version is not there is one line in the log") {
  CanaryRig rig;
  const CapturedLog log;
  const std::string missing = "names a version that is not there yet model=m as=";
  rig.Configure("20", R"(}, "shadow": {"version": 3, "percent": 1)");
  rig.Poll();
  CHECK(log.Count(missing) == 1);
  CHECK(log.Count(missing + "shadow version=3") == 1);
  rig.folder.Write("m/config.json", R"({"canary": {"version": 8, "percent": 5}})");
  rig.Poll();
  rig.Poll();
  CHECK(log.Count(missing + "canary version=8") == 1);
  CHECK(log.Count(missing) == 2);
}

TEST_CASE("a user's place in the line of a canary is the same everywhere and for ever") {
  CHECK(UserShare("churn", "3", "42") == 0.306028991020004);
  CHECK(UserShare("churn", "3", "43") != UserShare("churn", "4", "43"));
  int tenths[10] = {};
  for (int i = 0; i < 100000; ++i) {
    const double share = UserShare("churn", "3", absl::StrCat(i));
    REQUIRE((share >= 0 && share < 1));
    ++tenths[static_cast<int>(share * 10)];
  }
  for (const int tenth : tenths) CHECK(std::abs(tenth - 10000) < 400);
}

TEST_CASE(
    "the canary answers its share of the users, always the same ones, the old one the others") {
  CanaryRig rig("20");
  CHECK(std::abs(rig.Users() - 2000) < 150);
  std::string before;
  for (int i = 0; i < 100; ++i) before += rig.VersionFor(absl::StrCat(i));
  rig.Restart();
  rig.Poll();
  std::string after;
  for (int i = 0; i < 100; ++i) after += rig.VersionFor(absl::StrCat(i));
  CHECK(before == after);

  // Who has it keeps it when it grows.
  rig.Configure("50");
  for (int i = 0; i < 100; ++i) {
    if (before[i] == '2') CHECK(rig.VersionFor(absl::StrCat(i)) == "2");
  }
  rig.Configure("0.5");
  CHECK(std::abs(rig.Users() - 50) < 30);
  rig.Configure("0");
  CHECK(rig.Users() == 0);
  rig.Configure("100");
  CHECK(rig.Users() == 10000);
}

TEST_CASE("requests without a key are spread, those that name a version get it") {
  CanaryRig rig("30");
  int canary = 0;
  for (int i = 0; i < 10000; ++i) canary += (*rig.catalog_.Find("m", ""))->version == "2" ? 1 : 0;
  CHECK(std::abs(canary - 3000) < 200);
  CHECK((*rig.catalog_.Find("m", "1", "u"))->version == "1");
  CHECK((*rig.catalog_.Find("m", "2", "u"))->version == "2");
}

TEST_CASE("ListModels says which version answers how much") {
  CanaryRig rig("20");
  CHECK(rig.Info("m", "2").traffic_percent == 20);
  CHECK(rig.Info("m", "1").traffic_percent == 80);
  rig.folder.AddVersion("m", 3);
  rig.Poll();
  CHECK(rig.Info("m", "3").traffic_percent == 80);
  CHECK(rig.Info("m", "1").traffic_percent == 0);
}

TEST_CASE("a canary that fails too much is back at once and stays back until something changes") {
  CanaryRig rig("20");
  rig.Count(45, absl::OkStatus());
  rig.Count(4, kFailure);
  CHECK(rig.Users() > 0);  // too few rows to tell
  rig.Count(1, kFailure);
  CHECK(rig.Users() == 0);  // before the repository has looked
  rig.Poll();
  const std::string reason = rig.StateOf("m", "2");
  CHECK(absl::StartsWith(reason, "READY: taken back as canary: 5 of its last 50 rows failed"));
  CHECK(rig.Info("m", "2").traffic_percent == 0);
  CHECK(rig.Info("m", "1").traffic_percent == 100);
  CHECK((*rig.catalog_.Find("m", "2"))->version == "2");
  const auto returns = [&] {
    return MetricValue(rig.metrics, "predictd_canary_returns_total", {{"model", "m"}});
  };
  CHECK(returns() == 1);
  rig.Count(500, absl::OkStatus());
  rig.Poll();
  CHECK(rig.Users() == 0);
  CHECK(returns() == 1);

  SECTION("its settings") {
    rig.Configure("10", R"(, "max_error_percent": 50)");
    CHECK(std::abs(rig.Users() - 1000) < 120);
    CHECK(rig.StateOf("m", "2") == "READY");
  }
  SECTION("its files") {
    rig.folder.AddVersion("m", 2, "better");
    rig.Poll();
    CHECK(std::abs(rig.Users() - 2000) < 150);
    CHECK(rig.StateOf("m", "2") == "READY");
  }
}

TEST_CASE("failures of the old days weigh less, and 100 percent never takes a canary back") {
  CanaryRig rig("20");
  rig.Count(49, kFailure);  // too few to tell
  Outcomes outcomes;
  outcomes.Watch(5);
  for (int i = 0; i < 10000; ++i) outcomes.Count(absl::OkStatus());
  int failures = 0;
  while (!outcomes.failing()) {
    outcomes.Count(kFailure);
    ++failures;
  }
  CHECK(failures > 20);
  CHECK(failures < 60);

  rig.Configure("20", R"(, "max_error_percent": 100)");
  rig.Count(1000, kFailure);
  CHECK(rig.Users() > 0);
}

TEST_CASE("only what the model did counts for or against a version") {
  Outcomes outcomes;
  outcomes.Watch(5);
  int told = 0;
  outcomes.OnFailing([&] { ++told; });
  for (int i = 0; i < 100; ++i) outcomes.Count(absl::DeadlineExceededError("late"));
  CHECK(outcomes.rows() == 0);
  for (int i = 0; i < 100; ++i) outcomes.Count(kFailure);
  CHECK(outcomes.rows() == 100);
  CHECK(told == 1);
}

TEST_CASE("a canary without another version answers everyone, but not while the other one loads") {
  CanaryRig rig("20");
  rig.folder.Remove("m/1");
  rig.Poll();
  CHECK(rig.Users() == 10000);
  CHECK(rig.catalog_.Ready());
  CHECK(rig.Info("m", "2").traffic_percent == 100);
  rig.folder.Write("m/1/signature.json", "being copied");
  rig.Poll();
  CHECK(std::abs(rig.Users() - 2000) < 150);
}

TEST_CASE("a shadow never answers a request that names no version") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.folder.AddVersion("m", 2);
  rig.folder.Write("m/config.json", R"({"shadow": {"version": 2, "percent": 25}})");
  rig.Poll();
  CHECK(rig.Serving("m") == "1");
  CHECK(rig.Info("m", "2").shadow_percent == 25);
  CHECK(rig.Info("m", "2").traffic_percent == 0);
  const SharedVersion shadow = rig.catalog_.ShadowOf(*rig.Info("m", "1").handle);
  CHECK(shadow.version == rig.Info("m", "2").handle);
  CHECK(shadow.share == 0.25);
  CHECK(rig.catalog_.ShadowOf(*shadow.version).version == nullptr);
  rig.folder.Remove("m/1");
  rig.Poll();
  CHECK(absl::IsFailedPrecondition(rig.catalog_.Find("m", "").status()));
  CHECK(absl::StrContains(rig.Serving("m"), "shadow"));
}

}  // namespace
}  // namespace predictd::repository
