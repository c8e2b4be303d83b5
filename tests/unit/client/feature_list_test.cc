#include "client/feature_list.h"

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
  CHECK_THAT(Error("age=31,hours"), Catch::Matchers::StartsWith("'hours' has no '='"));
  CHECK_THAT(Error("=1"), Catch::Matchers::StartsWith("'=1' has no name"));
  CHECK_THAT(Error("age="), Catch::Matchers::StartsWith("'age=' has no finite number"));
  CHECK_THAT(Error("age=old"), Catch::Matchers::StartsWith("'age=old' has no finite number"));
  CHECK_THAT(Error("age=nan"), Catch::Matchers::StartsWith("'age=nan' has no finite number"));
  CHECK_THAT(Error("age=1e99"), Catch::Matchers::StartsWith("'age=1e99' has no finite number"));
  CHECK_THAT(Error("age=1,age=2"), Catch::Matchers::StartsWith("'age=2' is set twice"));
  CHECK_THAT(Error("age=1,"), Catch::Matchers::StartsWith("'' has no '='"));
}

}  // namespace
}  // namespace predictd::client
