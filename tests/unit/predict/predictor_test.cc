#include "server/predict/predictor.h"

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {
namespace {

TEST_CASE("a user's row goes through the model, and the answer says where it came from") {
  Rig rig;
  rig.source.SetRow("42", {1000, 20});
  const auto first = rig.Predict(For("42"));
  REQUIRE(first.ok());
  CHECK(first->outputs == OutputValues{1000 + 20 + 40});
  CHECK(first->origin == FeatureOrigin::kSource);
  CHECK(first->missing == std::vector<int>{1});  // hours, by its default
  CHECK(first->version->version == "1");
  CHECK(first->prediction_id.empty());

  rig.clock.Advance(absl::Seconds(1));
  const auto second = rig.Predict(For("42"));
  REQUIRE(second.ok());
  CHECK(second->origin == FeatureOrigin::kLocalCache);
  CHECK(second->feature_age == absl::Seconds(1));
  CHECK(rig.source.reads() == 1);
}

TEST_CASE("the request's features override the row, and a complete request reads no store") {
  Rig rig;
  rig.source.SetRow("42", {1000, 20});
  const auto overridden = rig.Predict(For("42", {{"age", 50}}));
  REQUIRE(overridden.ok());
  CHECK(overridden->outputs == OutputValues{1000 + 50 + 40});
  CHECK(overridden->origin == FeatureOrigin::kSource);

  const auto complete = rig.Predict(For("nobody", {{"age", 1}, {"hours", 2}, {"id", 3}}));
  REQUIRE(complete.ok());
  CHECK(complete->outputs == OutputValues{6});
  CHECK(complete->origin == FeatureOrigin::kRequest);
  CHECK(complete->feature_age == absl::InfiniteDuration());
  CHECK(rig.source.reads() == 1);
}

TEST_CASE("an unknown user is NOT_FOUND unless the request brings features of its own") {
  Rig rig;
  const auto unknown = rig.Predict(For("nobody"));
  CHECK(absl::IsNotFound(unknown.status()));
  CHECK(absl::StrContains(unknown.status().message(), "nobody"));

  const auto completed = rig.Predict(For("nobody", {{"id", 7}}));
  REQUIRE(completed.ok());
  CHECK(completed->origin == FeatureOrigin::kDefaults);
  CHECK(completed->outputs == OutputValues{30 + 40 + 7});
  CHECK(completed->missing == std::vector<int>{0, 1});

  const auto incomplete = rig.Predict(For("nobody", {{"age", 7}}));
  CHECK(incomplete.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(absl::StrContains(incomplete.status().message(), "id"));
}

TEST_CASE("without a store the request must bring every feature") {
  Rig rig({.store = false});
  const auto incomplete = rig.Predict(For("42", {{"id", 1}}));
  CHECK(incomplete.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(absl::StrContains(incomplete.status().message(), "age, hours"));
  CHECK(absl::StrContains(incomplete.status().message(), "--feature_source"));
  CHECK(rig.Predict(For("42", {{"age", 1}, {"hours", 2}, {"id", 3}})).ok());
}

TEST_CASE("bad input is refused by the field's name") {
  Rig rig;
  rig.source.SetRow("42", {1000, 20});
  struct Case {
    std::string user_id;
    std::vector<std::pair<absl::string_view, float>> features;
    absl::Duration max_feature_age;
    const char* field;
  };
  const Case cases[] = {
      {"", {}, absl::InfiniteDuration(), "user_id"},
      {std::string(513, 'x'), {}, absl::InfiniteDuration(), "user_id"},
      {std::string("4\0002", 3), {}, absl::InfiniteDuration(), "user_id"},
      {"42", {{"age", kNone}}, absl::InfiniteDuration(), "features['age']"},
      {"42",
       {{"age", std::numeric_limits<float>::infinity()}},
       absl::InfiniteDuration(),
       "features['age']"},
      {"42", {{"aeg", 1}}, absl::InfiniteDuration(), "features['aeg']"},
      {"42", {}, absl::Seconds(-1), "max_feature_age"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.field);
    Request request = For(c.user_id, c.features);
    request.max_feature_age = c.max_feature_age;
    const auto answer = rig.Predict(request);
    CHECK(absl::IsInvalidArgument(answer.status()));
    CHECK(absl::StartsWith(answer.status().message(), c.field));
  }
  CHECK(rig.Predict(For(std::string(512, 'x'))).status().code() == absl::StatusCode::kNotFound);
  for (const std::string& key : {std::string(513, 'k'), std::string("k\0", 2)}) {
    Request request = For("42");
    request.idempotency_key = key;
    const auto answer = rig.Predict(request);
    CHECK(absl::IsInvalidArgument(answer.status()));
    CHECK(absl::StartsWith(answer.status().message(), "idempotency_key"));
  }
}

TEST_CASE("unreachable stores are UNAVAILABLE, or defaults where the model's config says so") {
  const bool defaults = GENERATE(false, true);
  Rig rig({.defaults_when_unreachable = defaults});
  rig.source.FailWith(absl::UnavailableError("no such file"));
  const auto answer = rig.Predict(For("42", {{"id", 7}}));
  if (defaults) {
    REQUIRE(answer.ok());
    CHECK(answer->origin == FeatureOrigin::kDefaults);
  } else {
    CHECK(absl::IsUnavailable(answer.status()));
    CHECK(absl::StrContains(answer.status().message(), "no such file"));
  }
}

TEST_CASE("a model that refuses missing features names them instead of using its defaults") {
  Rig rig({.refuse_missing_features = true});
  rig.source.SetRow("42", {1000, std::numeric_limits<float>::quiet_NaN()});
  const absl::Status refused = rig.Predict(For("42")).status();
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(absl::StrContains(refused.message(), "age"));
  CHECK(absl::StrContains(refused.message(), "refuses"));
  CHECK(rig.Predict(For("42", {{"age", 31}, {"hours", 40}})).ok());
}

TEST_CASE("a call that is past its deadline or cancelled does not reach the model") {
  bool ran = false;
  Rig rig({.function = [&](int rows, const float* in, float* out) {
    ran = true;
    return Rig::Sum(rows, in, out);
  }});
  rig.source.SetRow("42", {1000, 20});
  rig.call.deadline = rig.clock.Now();
  CHECK(absl::IsDeadlineExceeded(rig.Predict(For("42")).status()));
  rig.call.deadline = absl::InfiniteFuture();
  rig.call.cancelled = true;
  CHECK(absl::IsCancelled(rig.Predict(For("42")).status()));
  CHECK(rig.source.reads() == 0);
  CHECK_FALSE(ran);
}

TEST_CASE("a caller whose deadline passes while the source hangs is answered then") {
  Rig rig;
  rig.source.SetRow("42", {1000, 20});
  rig.source.Hold();
  rig.call.deadline = rig.clock.Now() + absl::Milliseconds(10);
  Answer answer;
  std::optional<absl::Status> status;
  Scope scope;
  const Request request = For("42");
  auto run = [&]() -> Task<void> {
    status = co_await rig.predictor.Predict(request, rig.call, answer);
  };
  scope.Spawn(run());
  rig.loop.RunUntilIdle();
  CHECK_FALSE(status);
  rig.clock.Advance(absl::Milliseconds(11));
  rig.loop.RunUntilIdle();
  REQUIRE(status);
  CHECK(absl::IsDeadlineExceeded(*status));
  rig.source.Release();
  while (rig.flights.size() > 0) rig.loop.RunTurn();
}

TEST_CASE("a prediction is saved with exactly what the model was given and gave") {
  const SaveMode mode = GENERATE(SaveMode::kAfterReply, SaveMode::kBeforeReply);
  Rig rig({.save = mode});
  rig.source.SetRow("42", {1000, 20});
  Request request = For("42", {{"hours", 5}});
  request.idempotency_key = "k1";
  const auto answer = rig.Predict(request);
  REQUIRE(answer.ok());
  REQUIRE(answer->prediction_id.size() == 36);

  const auto saved = rig.Await(rig.predictor.GetPrediction(answer->prediction_id, rig.call));
  REQUIRE(saved.ok());
  CHECK(saved->user_id == "42");
  CHECK(saved->idempotency_key == "k1");
  CHECK(saved->schema->names() == std::vector<std::string>{"age", "hours", "id"});
  CHECK(saved->features == FeatureValues{20, 5, 1000});
  CHECK(saved->outputs == OutputValues{1025});
  CHECK(saved->feature_origin == FeatureOrigin::kSource);

  const auto repeated = rig.Predict(request);
  REQUIRE(repeated.ok());
  if (mode == SaveMode::kBeforeReply) CHECK(repeated->prediction_id == answer->prediction_id);
  CHECK(absl::IsNotFound(rig.Await(rig.predictor.GetPrediction("nobody's", rig.call)).status()));
}

TEST_CASE("GetPrediction says how to switch saving on where nothing is saved") {
  Rig rig;
  const auto saved = rig.Await(rig.predictor.GetPrediction("x", rig.call));
  CHECK(saved.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(absl::StrContains(saved.status().message(), "--save_to"));
}

}  // namespace
}  // namespace predictd::predict
