#include "client/features_text.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("a stored row is printed by name, with where it is from and its age") {
  v1::GetFeaturesResponse row;
  row.set_user_id("42");
  (*row.mutable_features())["score"] = 0.5F;
  (*row.mutable_features())["age"] = 31;
  row.set_feature_origin(v1::FEATURE_ORIGIN_SOURCE);
  row.mutable_feature_age()->set_nanos(2'000'000);
  CHECK(FeaturesText(row) ==
        "age       31\n"
        "score      0.5\n"
        "\n"
        "features  database, 2ms old\n");
  CHECK(FeaturesJson(row) ==
        R"({"user_id":"42","features":{"age":31,"score":0.5},"feature_origin":"SOURCE",)"
        R"("feature_age_seconds":0.002})");
}

TEST_CASE("a stored row without features or age says so") {
  v1::GetFeaturesResponse row;
  row.set_feature_origin(v1::FEATURE_ORIGIN_REDIS);
  CHECK(FeaturesText(row) == "every feature is missing\n\nfeatures  Redis, age unknown\n");
}

}  // namespace
}  // namespace predictd::client
