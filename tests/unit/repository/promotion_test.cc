#include <google/protobuf/text_format.h>

#include <string>

#include "absl/strings/match.h"
#include "server/repository/signature_change.h"
#include "tests/catch.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

v1::Signature Signature(const std::string& text) {
  v1::Signature signature;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &signature));
  return signature;
}

const char kInput[] = "inputs {name: 'x' datatype: 'FP32' shape: [-1, 2]}";
const char kOutputs[] =
    "outputs {name: 'p' datatype: 'FP32' shape: [-1, 1]}"
    "outputs {name: 'q' datatype: 'INT64' shape: [-1, 3]}";

TEST_CASE("a version may replace another one if the other one's callers notice nothing") {
  const std::string features = "features {name: 'a'} features {name: 'b' default_value: 1}";
  struct Case {
    std::string now;
    std::string next;
    const char* says;  // null = may replace
  };
  const std::string in(kInput);
  const std::string out(kOutputs);
  const Case cases[] = {
      {in + out, in + out, nullptr},
      {in + out + features, in + out + "features {name: 'c'}", nullptr},
      {in + out + features, "inputs {name: 'z' shape: [-1, 9]}" + out + "features {name: 'c'}",
       nullptr},
      {in + out, in + out + features, nullptr},
      {in + out, "inputs {name: 'x' datatype: 'FP32' shape: [-1, -1]}" + out, nullptr},
      {in + out + features, in + out, "features is 0, so that Predict could not be answered"},
      {in + out, in + "outputs {name: 'p' datatype: 'FP32' shape: [-1, 1]}",
       "the number of outputs is 1, was 2"},
      {in + out,
       in + "outputs {name: 'q' datatype: 'INT64' shape: [-1, 3]}"
            "outputs {name: 'p' datatype: 'FP32' shape: [-1, 1]}",
       "outputs[0].name is q, was p"},
      {in + out,
       in + "outputs {name: 'p' datatype: 'FP64' shape: [-1, 1]}"
            "outputs {name: 'q' datatype: 'INT64' shape: [-1, 3]}",
       "outputs[0] 'p' datatype is FP64, was FP32"},
      {in + out,
       in + "outputs {name: 'p' datatype: 'FP32' shape: [-1, 1]}"
            "outputs {name: 'q' datatype: 'INT64' shape: [-1, 4]}",
       "outputs[1] 'q' shape is [-1, 4], was [-1, 3]"},
      {in + out, "inputs {name: 'y' datatype: 'FP32' shape: [-1, 2]}" + out, "input 'x' is gone"},
      {in + out, "inputs {name: 'x' datatype: 'FP32' shape: [-1, 3]}" + out,
       "input 'x' shape is [-1, 3], was [-1, 2]"},
      {in + out, "inputs {name: 'x' datatype: 'BOOL' shape: [-1, 2]}" + out,
       "input 'x' datatype is BOOL, was FP32"},
      {in + out, in + "inputs {name: 'w'}" + out, "the number of inputs is 2, was 1"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.now, c.next);
    const absl::Status check = CheckReplaces(Signature(c.now), Signature(c.next));
    if (c.says == nullptr) {
      CHECK(check.ok());
    } else {
      REQUIRE(absl::IsFailedPrecondition(check));
      CHECK(absl::StrContains(check.message(), c.says));
    }
  }
}

TEST_CASE("a version that would break callers is FAILED, and the old one serves") {
  Rig rig;
  ManualLoop loop(rig.clock_);
  rig.folder.AddVersion("m", 1);
  rig.Poll();
  rig.folder.AddVersion("m", 2, "output: z");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  const std::string why =
      "its signature is not compatible with that of version 1, which it would replace: "
      "outputs[0].name is z, was y; give it a model name of its own, or unload version 1 and load "
      "it";
  CHECK(rig.StateOf("m", "2") == "FAILED: " + why);
  CHECK(rig.Serving("m") == "1");
  CHECK(rig.alive == 1);

  const auto refused = Call(rig, rig.repository->Load(loop, "m", "2"), loop);
  CHECK(absl::IsFailedPrecondition(refused.status()));
  CHECK(refused.status().message() == why);

  SECTION("until the old one is unloaded") {
    REQUIRE(Call(rig, rig.repository->Unload(loop, "m", "1"), loop).ok());
    CHECK(Call(rig, rig.repository->Load(loop, "m", "2"), loop).ok());
    CHECK(rig.Serving("m") == "2");
  }
  SECTION("until the old one is gone from disk") {
    rig.folder.Remove("m/1");
    rig.Poll();
    CHECK(rig.Serving("m") == "2");
  }
  SECTION("until its files are mended") {
    rig.folder.AddVersion("m", 2, "output: y");
    rig.Poll();
    CHECK(rig.Serving("m") == "2");
  }
}

TEST_CASE("an older version replaces nothing, whatever its signature") {
  Rig rig;
  rig.folder.AddVersion("m", 1, "output: old");
  rig.folder.AddVersion("m", 2);
  rig.Poll();
  CHECK(rig.Serving("m") == "2");
  CHECK(rig.StateOf("m", "1") == "READY");
}

TEST_CASE("changed files of the serving version must answer its callers too") {
  Rig rig;
  rig.folder.AddVersion("m", 1);
  rig.Poll();
  rig.folder.AddVersion("m", 1, "output: z");
  rig.Poll();
  rig.Settle();
  rig.Poll();
  CHECK(absl::StrContains(rig.StateOf("m", "1"), "READY: its files changed and cannot be loaded"));
  CHECK(absl::StrContains(rig.StateOf("m", "1"), "outputs[0].name is z, was y"));
}

TEST_CASE("a canary or shadow that could not answer the same callers is not used as one") {
  const std::string role = GENERATE("canary", "shadow");
  Rig rig;
  rig.folder.AddVersion("m", 1, "output: old");
  rig.folder.AddVersion("m", 2);
  rig.folder.Write("m/config.json", "{\"" + role + R"(": {"version": 1, "percent": 100}})");
  rig.Poll();
  CHECK(rig.Serving("m") == "2");
  CHECK(absl::StartsWith(rig.StateOf("m", "1"), "READY: not used as " + role + ": its signature"));
  CHECK(rig.Info("m", "1").traffic_percent == 0);
  CHECK(rig.Info("m", "1").shadow_percent == 0);
  CHECK(rig.Info("m", "2").traffic_percent == 100);
}

}  // namespace
}  // namespace predictd::repository
