#include "client/feature_list.h"

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace predictd::client {
namespace {

using Features = std::vector<std::pair<std::string, float>>;

Features Parsed(absl::string_view text) {
  const auto features = ParseFeatureList(text);
  REQUIRE(features.ok());
  return *features;
}

std::string Error(absl::string_view text) {
  const auto features = ParseFeatureList(text);
  REQUIRE_FALSE(features.ok());
  return std::string(features.status().message());
}

TEST_CASE("--set takes names and numbers") {
  CHECK(Parsed("").empty());
  CHECK(Parsed("age=31") == Features{{"age", 31}});
  CHECK(Parsed("age=31,hours=-40.5,x=1e-3") ==
        Features{{"age", 31}, {"hours", -40.5f}, {"x", 1e-3f}});
  CHECK(Parsed("age = 31, hours=40") == Features{{"age", 31}, {"hours", 40}});
}

TEST_CASE("--set splits a name with '=' at its last one") {
  CHECK(Parsed("plan=pro=1") == Features{{"plan=pro", 1}});
}

TEST_CASE("--set says which piece is wrong") {
  CHECK(absl::StartsWith(Error("age=31,hours"), "'hours' has no '='"));
  CHECK(absl::StartsWith(Error("=1"), "'=1' has no name"));
  CHECK(absl::StartsWith(Error("age="), "'age=' has no finite number"));
  CHECK(absl::StartsWith(Error("age=old"), "'age=old' has no finite number"));
  CHECK(absl::StartsWith(Error("age=nan"), "'age=nan' has no finite number"));
  CHECK(absl::StartsWith(Error("age=1e99"), "'age=1e99' has no finite number"));
  CHECK(absl::StartsWith(Error("age=1,age=2"), "'age=2' is set twice"));
  CHECK(absl::StartsWith(Error("age=1,"), "'' has no '='"));
}

}  // namespace
}  // namespace predictd::client
