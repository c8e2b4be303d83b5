#include "client/prediction_text.h"

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("a prediction is outputs first, then where they come from") {
  v1::PredictResponse reply;
  reply.add_outputs(0.26875f);
  reply.add_outputs(-12.5f);
  reply.set_model("churn");
  reply.set_version("3");
  reply.set_feature_origin(v1::FEATURE_ORIGIN_REDIS);
  reply.mutable_feature_age()->set_seconds(2);
  reply.mutable_feature_age()->set_nanos(400'000'000);
  CHECK(PredictionText(reply, {"probability", "logit"}) ==
        "probability    0.26875\n"
        "logit        -12.5\n"
        "\n"
        "model        churn/3\n"
        "features     Redis, 2.4s old\n");
  reply.add_missing_features("age");
  reply.add_missing_features("hours");
  reply.set_prediction_id("0190");
  CHECK(PredictionText(reply, {"p", "q"}) ==
        "p           0.26875\n"
        "q         -12.5\n"
        "\n"
        "model     churn/3\n"
        "features  Redis, 2.4s old\n"
        "defaults  age, hours\n"
        "saved as  0190\n");
  CHECK(PredictionJson("a\"b", reply, {"p", "q"}) ==
        R"({"user_id":"a\"b","outputs":{"p":0.26875,"q":-12.5},"model":"churn","version":"3",)"
        R"("feature_origin":"REDIS","feature_age_seconds":2.400,)"
        R"("missing_features":["age","hours"],"prediction_id":"0190"})");
}

TEST_CASE("features without an age say why") {
  v1::PredictResponse reply;
  reply.set_model("churn");
  reply.set_version("3");
  reply.set_feature_origin(v1::FEATURE_ORIGIN_REQUEST);
  CHECK(absl::StrContains(PredictionText(reply, {}), "all from the request"));
  reply.set_feature_origin(v1::FEATURE_ORIGIN_DEFAULTS);
  CHECK(absl::StrContains(PredictionText(reply, {}), "no stored row"));
  reply.set_feature_origin(v1::FEATURE_ORIGIN_REDIS);
  CHECK(absl::StrContains(PredictionText(reply, {}), "Redis, age unknown"));
}

TEST_CASE("a saved prediction shows its features by name") {
  v1::GetPredictionResponse saved;
  saved.add_outputs(0.5f);
  saved.set_user_id("42");
  saved.set_model("churn");
  saved.set_version("3");
  saved.set_feature_origin(v1::FEATURE_ORIGIN_SOURCE);
  saved.mutable_created_at()->set_seconds(1'700'000'000);
  saved.mutable_created_at()->set_nanos(678'000'000);
  (*saved.mutable_features())["hours"] = 40.5f;
  (*saved.mutable_features())["age"] = 131;
  const absl::Time now = absl::FromUnixSeconds(1'700'000'192);
  CHECK(SavedText(saved, {"p"}, now) ==
        "p         0.5\n"
        "\n"
        "user      42\n"
        "model     churn/3\n"
        "made      2023-11-14T22:13:20.678Z, 3m 11s ago\n"
        "features  database\n"
        "  age     131\n"
        "  hours    40.5\n");
}

}  // namespace
}  // namespace predictd::client
