// Loads and unloads that somebody asks for.
#include <string>

#include "absl/strings/match.h"
#include "server/repository/repository.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

TEST_CASE("unloading holds until loading, and loading answers with the reason where it fails") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();

  const auto unloaded = Call(rig, rig.repository->Unload(loop, "churn", ""), loop);
  REQUIRE(unloaded.ok());
  CHECK(unloaded->versions.at(0).state == State::kUnloaded);
  CHECK(rig.alive == 0);
  rig.Poll();
  CHECK(rig.StateOf("churn", "1") == "UNLOADED: unloaded by request");
  CHECK(rig.catalog_.Find("churn", "").status().code() == absl::StatusCode::kFailedPrecondition);

  const auto loaded = Call(rig, rig.repository->Load(loop, "churn", ""), loop);
  REQUIRE(loaded.ok());
  CHECK(loaded->versions.at(0).state == State::kReady);
  CHECK(rig.Serving() == "1");

  CHECK(absl::IsNotFound(Call(rig, rig.repository->Load(loop, "nobody", ""), loop).status()));
  CHECK(absl::IsNotFound(Call(rig, rig.repository->Load(loop, "churn", "9"), loop).status()));
  rig.folder.AddVersion("churn", 3, "fail: cannot");
  const auto failed = Call(rig, rig.repository->Load(loop, "churn", "3"), loop);
  CHECK(failed.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(failed.status().message() == "cannot");
}

TEST_CASE("a load whose files change meanwhile takes what they have become, or says that they do") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  REQUIRE(Call(rig, rig.repository->Unload(loop, "churn", "1"), loop).ok());
  int loads = 0;
  SECTION("once") {
    rig.while_loading = [&] {
      if (++loads == 1) rig.folder.AddVersion("churn", 1, "output: after");
    };
    REQUIRE(Call(rig, rig.repository->Load(loop, "churn", "1"), loop).ok());
    CHECK(loads == 2);
    CHECK(rig.Info("churn", "1").signature->outputs(0).name() == "after");
  }
  SECTION("again and again") {
    rig.while_loading = [&] { rig.folder.AddVersion("churn", 1, std::string(++loads, 'x')); };
    const absl::Status changing =
        Call(rig, rig.repository->Load(loop, "churn", "1"), loop).status();
    CHECK(absl::IsFailedPrecondition(changing));
    CHECK(absl::StrContains(changing.message(), "they are being changed"));
    CHECK(rig.Info("churn", "1").handle == nullptr);
    rig.while_loading = nullptr;
    rig.Poll();
    CHECK(rig.Serving() == "1");
  }
}

TEST_CASE("a load whose files fail answers with the reason though earlier ones serve, each time") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  rig.folder.AddVersion("churn", 1, "fail: worse");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  for (double failures = 2; failures < 4; ++failures) {
    const absl::Status failed = Call(rig, rig.repository->Load(loop, "churn", "1"), loop).status();
    CHECK(absl::IsFailedPrecondition(failed));
    CHECK(absl::StrContains(failed.message(), "the earlier ones serve: worse"));
    CHECK(rig.metrics.ForModel("churn").loads_failed.Value() == failures);
  }
  CHECK(rig.Serving() == "1");
  rig.folder.AddVersion("churn", 1, "better");
  CHECK(Call(rig, rig.repository->Load(loop, "churn", "1"), loop).ok());
  CHECK(rig.StateOf("churn", "1") == "READY");
}

TEST_CASE("a version that is unloaded is told of in the log, after its last request") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  VersionHandle held = *rig.catalog_.Find("churn", "1");
  const CapturedLog log;
  REQUIRE(Call(rig, rig.repository->Unload(loop, "churn", "1"), loop).ok());
  CHECK(rig.StateOf("churn", "1") == "UNLOADING: unloaded by request");
  CHECK(log.Count("model version is unloaded") == 0);
  held.reset();
  rig.Poll();
  CHECK(rig.StateOf("churn", "1") == "UNLOADED: unloaded by request");
  CHECK(log.Count("model version is unloaded") == 1);
}

TEST_CASE("a load is answered with the version's share of the traffic") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  REQUIRE(Call(rig, rig.repository->Unload(loop, "churn", "1"), loop).ok());
  const auto loaded = Call(rig, rig.repository->Load(loop, "churn", "1"), loop);
  REQUIRE(loaded.ok());
  CHECK(loaded->versions.at(0).traffic_percent == 100);
}

TEST_CASE("a version that is not loaded has no time of loading") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.Poll();
  CHECK(rig.Info("churn", "1").loaded_at != absl::InfinitePast());
  REQUIRE(Call(rig, rig.repository->Unload(loop, "churn", "1"), loop).ok());
  CHECK(rig.Info("churn", "1").loaded_at == absl::InfinitePast());
}

TEST_CASE("a load of a model of which config.json has no version says so") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("churn", 1);
  rig.folder.Write("churn/config.json", R"({"versions": {"list": [9]}})");
  rig.Settle();
  rig.Poll();
  const auto loaded = Call(rig, rig.repository->Load(loop, "churn", ""), loop);
  CHECK(loaded.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(absl::StrContains(loaded.status().message(), "config.json"));
}

}  // namespace
}  // namespace predictd::repository
