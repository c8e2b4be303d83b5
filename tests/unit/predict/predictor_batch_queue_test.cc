// PredictBatch and others: how it waits for room, gives way and is given up.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/predict/predictor.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {
namespace {

TEST_CASE("a batch whose rows fail at once leaves the loop to others between its pieces") {
  Rig rig;
  const Request shared;
  const std::vector<absl::string_view> empty(3000, "");
  std::optional<absl::StatusOr<BatchAnswer>> batch;
  Scope scope;
  auto run = [&]() -> Task<void> {
    batch = co_await rig.predictor.PredictBatch(empty, shared, rig.call);
  };
  scope.Spawn(run());
  CHECK_FALSE(batch);
  rig.loop.RunUntilIdle();
  REQUIRE(batch);
  REQUIRE(batch->ok());
  CHECK((*batch)->errors.size() == 3000);
}

TEST_CASE("a row of a batch that finds the queue full waits with the features that it has") {
  Rig rig({.max_queue = 4});
  rig.source.SetRow("1", {1000, 20});
  rig.source.Hold();
  const std::vector<absl::string_view> users = {"1"};
  const Request shared;
  std::optional<absl::StatusOr<BatchAnswer>> batch;
  Scope scope;
  auto run = [&]() -> Task<void> {
    batch = co_await rig.predictor.PredictBatch(users, shared, rig.call);
  };
  scope.Spawn(run());
  rig.loop.RunUntilIdle();
  batching::QueueLimit& queue = (*rig.catalog.Find("m", "", ""))->lane->queue_limit();
  for (int i = 0; i < 4; ++i) REQUIRE(queue.TryEnter());  // calls of another loop
  rig.source.Release();
  while (rig.flights.size() > 0) rig.loop.RunTurn();
  for (int look = 0; look < 3; ++look) {
    rig.clock.Advance(absl::Milliseconds(2));
    rig.loop.RunUntilIdle();
  }
  CHECK_FALSE(batch);
  queue.Leave(4);
  rig.clock.Advance(absl::Milliseconds(2));
  rig.loop.RunUntilIdle();
  REQUIRE(batch);
  CHECK((*batch)->errors.empty());
  CHECK((*batch)->outputs == std::vector<float>{1000 + 20 + 40});
  CHECK(MetricValue(rig.metrics, "predictd_feature_rows_total", {{"origin", "source"}}) == 1);
  CHECK(MetricValue(rig.metrics, "predictd_feature_rows_total", {{"origin", "local_cache"}}) == 0);
  // It waited, and was neither dropped nor a failed request.
  CHECK(MetricValue(rig.metrics, "predictd_rows_dropped_total", {{"reason", "queue_full"}}) == 0);
  CHECK((*rig.catalog.Find("m", "", ""))->lane->statistics().Read().requests_failed.count == 0);
}

TEST_CASE("a row of a batch that finds no room until its deadline is dropped once") {
  Rig rig({.max_queue = 4});
  rig.source.SetRow("1", {1000, 20});
  batching::QueueLimit& queue = (*rig.catalog.Find("m", "", ""))->lane->queue_limit();
  const std::vector<absl::string_view> users = {"1"};
  const Request shared;
  rig.call.deadline = rig.clock.Now() + absl::Milliseconds(5);
  std::optional<absl::StatusOr<BatchAnswer>> batch;
  Scope scope;
  rig.source.Hold();
  auto run = [&]() -> Task<void> {
    batch = co_await rig.predictor.PredictBatch(users, shared, rig.call);
  };
  scope.Spawn(run());
  rig.loop.RunUntilIdle();
  REQUIRE(queue.TryEnter(4));
  rig.source.Release();
  while (rig.flights.size() > 0) rig.loop.RunTurn();
  for (int look = 0; look < 5; ++look) {
    rig.clock.Advance(absl::Milliseconds(2));
    rig.loop.RunUntilIdle();
  }
  REQUIRE(batch);
  CHECK(MetricValue(rig.metrics, "predictd_rows_dropped_total", {{"reason", "queue_full"}}) == 1);
  queue.Leave(4);
}

TEST_CASE(
    "a batch whose rows another loop leaves no room for waits with the features that it has") {
  Rig rig({.max_queue = 8});
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(std::to_string(i));
    rig.source.SetRow(ids.back(), {static_cast<float>(i), 20});
    REQUIRE(rig.Predict(For(ids.back())).ok());
  }
  batching::QueueLimit& queue = (*rig.catalog.Find("m", "", ""))->lane->queue_limit();
  bool others_come = false;
  features::Reader::Options options;
  const std::shared_ptr<const Schema> schema = rig.source.schema();
  options.current_schema = [&]() -> const std::shared_ptr<const Schema>& {
    if (std::exchange(others_come, false)) REQUIRE(queue.TryEnter(8));
    return schema;
  };
  features::Reader reader(rig.loop, options, rig.local, rig.flights, nullptr, &rig.source);
  Predictor predictor({rig.loop, rig.catalog, &reader, rig.batches, nullptr, SaveMode::kOff,
                       rig.metrics, nullptr, 1000});
  const std::vector<absl::string_view> users(ids.begin(), ids.end());
  const Request shared;
  std::optional<absl::StatusOr<BatchAnswer>> batch;
  Scope scope;
  auto run = [&]() -> Task<void> {
    batch = co_await predictor.PredictBatch(users, shared, rig.call);
  };
  others_come = true;
  scope.Spawn(run());
  for (int look = 0; look < 3; ++look) {
    rig.clock.Advance(absl::Milliseconds(2));
    rig.loop.RunUntilIdle();
  }
  CHECK_FALSE(batch);
  queue.Leave(8);
  rig.clock.Advance(absl::Milliseconds(2));
  rig.loop.RunUntilIdle();
  REQUIRE(batch);
  CHECK((*batch)->errors.empty());
  CHECK((*batch)->outputs == std::vector<float>{60, 61, 62});
  CHECK(MetricValue(rig.metrics, "predictd_feature_rows_total", {{"origin", "local_cache"}}) == 3);
  CHECK(queue.waiting() == 0);
}

TEST_CASE("rows of a batch whose deadline passes between two pieces are counted as given up") {
  FakeClock* clock = nullptr;
  Rig rig({.max_queue = 4, .function = [&](int rows, const float* in, float* out) {
             clock->Advance(absl::Milliseconds(10));
             return Rig::Sum(rows, in, out);
           }});
  clock = &rig.clock;
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(std::to_string(i));
    rig.source.SetRow(ids.back(), {1000, 20});
    REQUIRE(rig.Predict(For(ids.back())).ok());
  }
  const std::vector<absl::string_view> users(ids.begin(), ids.end());
  const Request shared;
  rig.call.deadline = rig.clock.Now() + absl::Milliseconds(15);
  const auto batch = rig.Await(rig.predictor.PredictBatch(users, shared, rig.call));
  CHECK(absl::IsDeadlineExceeded(batch.status()));
  const double given_up =
      MetricValue(rig.metrics, "predictd_deadlines_passed_total", {{"stage", "queue"}});
  const double run = MetricValue(rig.metrics, "predictd_model_output", {{"model", "m"}}) - 6;
  CHECK(run > 0);
  CHECK(run + given_up == 6);
}

}  // namespace
}  // namespace predictd::predict
