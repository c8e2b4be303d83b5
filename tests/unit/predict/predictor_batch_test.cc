// PredictBatch: every row for itself, counted and saved as if alone.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "server/predict/predictor.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {
namespace {

TEST_CASE("what is wrong with a batch as a whole fails it as a whole") {
  Rig rig;
  const std::vector<absl::string_view> users = {"42"};
  Request shared;
  shared.max_feature_age = absl::Seconds(-1);
  const auto batch = rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
  CHECK(absl::IsInvalidArgument(batch.status()));
  CHECK(absl::StartsWith(batch.status().message(), "max_feature_age"));
}

TEST_CASE("a batch is refused as soon as its answer is known to be too large") {
  Rig rig({.max_answer = 4000});
  const Request shared;
  const std::vector<absl::string_view> many(1001, "42");
  const auto outputs = rig.Await(rig.predictor.PredictBatch(many, shared, rig.call));
  CHECK(absl::IsInvalidArgument(outputs.status()));
  CHECK(outputs.status().message() ==
        "user_ids: the answer to 1001 rows takes 4004 bytes, the limit is 4000; send fewer rows at "
        "once");
  CHECK(rig.source.reads() == 0);
  const std::vector<absl::string_view> empty(100, "");
  const auto errors = rig.Await(rig.predictor.PredictBatch(empty, shared, rig.call));
  CHECK(absl::IsInvalidArgument(errors.status()));
  CHECK(absl::StartsWith(errors.status().message(), "user_ids: the answer to 100 rows takes"));
}

TEST_CASE("what the errors of a batch say counts into how large its answer is") {
  Rig rig({.store = false, .max_answer = 20'000});
  const Request shared;
  // The error of each names the three features that nobody gave.
  const auto errors = [&](size_t rows) {
    const std::vector<absl::string_view> users(rows, "42");
    return rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
  };
  REQUIRE(errors(1).ok());
  const size_t message = errors(1)->errors.front().status.message().size();
  CHECK(errors(19'000 / (message + sizeof(BatchAnswer::RowError) + sizeof(float))).ok());
  CHECK(absl::IsInvalidArgument(errors(20'000 / message).status()));
}

TEST_CASE("a batch answers every user in order and only the bad rows fail") {
  const int max_queue = GENERATE(1000, 4);  // a batch larger than the queue is fed in pieces
  Rig rig({.max_queue = max_queue});
  std::vector<std::string> ids;
  for (int i = 0; i < 300; ++i) {
    ids.push_back(std::to_string(i));
    if (i % 10 != 3) rig.source.SetRow(ids.back(), {static_cast<float>(i), 0});
  }
  ids[7] = "";
  const std::vector<absl::string_view> users(ids.begin(), ids.end());
  const Request shared;
  // The second time from the in-process cache, but for what it may not have kept.
  for (const FeatureOrigin origin : {FeatureOrigin::kSource, FeatureOrigin::kLocalCache}) {
    const auto batch = rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
    REQUIRE(batch.ok());
    REQUIRE(batch->outputs.size() == 300);
    CHECK(batch->errors.size() == 31);
    for (const auto& [row, status] : batch->errors) {
      CAPTURE(row);
      CHECK(std::isnan(batch->outputs[row]));
      CHECK((row == 7 ? absl::IsInvalidArgument(status) : absl::IsNotFound(status)));
      CHECK((row == 7 || row % 10 == 3));
    }
    for (int i = 0; i < 300; ++i) {
      if (i == 7 || i % 10 == 3) continue;
      CAPTURE(i);
      CHECK(batch->outputs[i] == static_cast<float>(i) + 40);
    }
    const char* const from = origin == FeatureOrigin::kSource ? "source" : "local_cache";
    CHECK(MetricValue(rig.metrics, "predictd_feature_rows_total", {{"origin", from}}) == 269);
  }
}

TEST_CASE("rows that failed are listed in the order of the request, whatever they waited for") {
  Rig rig({.function = [](int rows, const float* in, float* out) {
    for (int i = 0; i < rows; ++i) out[i] = in[3 * i + 2] < 0 ? kNone : in[3 * i + 2];
    return absl::OkStatus();
  }});
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const bool bad = i == 13 || i == 150;
    ids.push_back(std::to_string(i));
    rig.source.SetRow(ids.back(), {bad ? -1.0F : static_cast<float>(i), 20});
    REQUIRE((rig.Predict(For(ids.back())).ok() || bad));
  }
  ids[60] = "nobody";  // is looked for in the source
  const std::vector<absl::string_view> users(ids.begin(), ids.end());
  const Request shared;
  const auto batch = rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
  REQUIRE(batch.ok());
  std::vector<size_t> failed;
  for (const auto& [row, status] : batch->errors) failed.push_back(row);
  CHECK(failed == std::vector<size_t>{13, 60, 150});
  for (size_t i = 0; i < 200; ++i) {
    if (i != 13 && i != 60 && i != 150) CHECK(batch->outputs[i] == static_cast<float>(i));
  }
}

TEST_CASE("rows of a batch are counted as those of single calls are") {
  const auto counts_of = [](bool as_batch) {
    // The model fails for id 13.
    Rig rig({.function = [](int rows, const float* in, float* out) {
      for (int i = 0; i < rows; ++i) out[i] = in[3 * i + 2] == 13 ? kNone : 0.5F;
      return absl::OkStatus();
    }});
    for (int i = 1; i < 100; ++i) rig.source.SetRow(std::to_string(i), {static_cast<float>(i), 1});
    std::vector<std::string> ids = {"nobody"};
    for (int i = 1; i < 100; ++i) ids.push_back(std::to_string(i));
    for (const std::string& id : ids) (void)rig.Predict(For(id));  // into the in-process cache
    if (as_batch) {
      const std::vector<absl::string_view> users(ids.begin(), ids.end());
      const Request shared;
      const auto batch = rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
      REQUIRE(batch.ok());
      REQUIRE(batch->errors.size() == 2);
      CHECK(batch->errors[0].row == 0);
      CHECK(batch->errors[1].row == 13);
      CHECK(absl::IsInternal(batch->errors[1].status));
    } else {
      for (const std::string& id : ids) (void)rig.Predict(For(id));
    }
    std::map<std::string, double> counts;
    for (const char* origin : {"local_cache", "source", "not_found"}) {
      counts[origin] =
          MetricValue(rig.metrics, "predictd_feature_rows_total", {{"origin", origin}});
    }
    for (const char* stage : {"features", "queue"}) {
      counts[stage] =
          MetricValue(rig.metrics, "predictd_stage_duration_seconds", {{"stage", stage}});
    }
    counts["age"] = MetricValue(rig.metrics, "predictd_feature_age_seconds");
    counts["output"] = MetricValue(rig.metrics, "predictd_model_output", {{"model", "m"}});
    const auto version = rig.catalog.Find("m", "", "");
    counts["ok"] = static_cast<double>((*version)->lane->statistics().Read().requests_ok.count);
    counts["failed"] =
        static_cast<double>((*version)->lane->statistics().Read().requests_failed.count);
    counts["rows served"] = static_cast<double>((*version)->outcomes.rows());
    return counts;
  };
  const std::map<std::string, double> single = counts_of(false);
  CHECK(single.at("local_cache") == 99);
  CHECK(single.at("output") == 2 * 98);
  CHECK(single.at("failed") == 2);
  CHECK(counts_of(true) == single);
}

TEST_CASE("predictions of a batch are saved, each under an id of its own") {
  const SaveMode mode = GENERATE(SaveMode::kAfterReply, SaveMode::kBeforeReply);
  Rig rig({.save = mode});
  const std::vector<absl::string_view> users = {"1", "2"};
  for (const absl::string_view user : users) rig.source.SetRow(std::string(user), {7, 20});
  const Request shared;
  for (int from_cache = 0; from_cache < 2; ++from_cache) {
    const auto batch = rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
    REQUIRE(batch.ok());
    REQUIRE(batch->prediction_ids.size() == 2);
    CHECK(batch->prediction_ids[0] != batch->prediction_ids[1]);
    for (size_t i = 0; i < users.size(); ++i) {
      const auto saved = rig.Await(rig.predictor.GetPrediction(batch->prediction_ids[i], rig.call));
      REQUIRE(saved.ok());
      CHECK(saved->user_id == users[i]);
      CHECK(saved->outputs == OutputValues{67});
      CHECK(saved->features == FeatureValues{20, 40, 7});
      CHECK(saved->feature_origin ==
            (from_cache > 0 ? FeatureOrigin::kLocalCache : FeatureOrigin::kSource));
    }
  }
}

}  // namespace
}  // namespace predictd::predict
