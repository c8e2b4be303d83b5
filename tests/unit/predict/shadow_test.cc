#include "server/predict/shadow.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {
namespace {

// The rig's version 1 answers age + hours + id; version 2, the shadow, takes id, age and more
// (default 5) and gives what the test's function says.
class ShadowRig : public Rig {
 public:
  explicit ShadowRig(double share, batching::FloatFunction function, int max_queue = 1000)
      : Rig({.max_queue = max_queue}),
        shadow(loop, catalog, batches, metrics),
        with_shadow({loop, catalog, &reader, batches, nullptr, SaveMode::kOff, metrics, &shadow}) {
    AddShadow(share, std::move(function));
  }
  ~ShadowRig() { EndShadow(); }

  void EndShadow() {
    bool ended = false;
    Scope scope;
    auto run = [&]() -> Task<void> {
      co_await shadow.End();
      ended = true;
    };
    scope.Spawn(run());
    while (!ended) loop.RunTurn();
  }

  absl::StatusOr<Answer> Answered(float id) {
    Request request;
    request.user_id = "u";
    request.features = {{"age", 1}, {"hours", 2}, {"id", id}};
    return Rig::Predict(with_shadow, request);
  }

  double Rows(const std::string& result) {
    return MetricValue(metrics, "predictd_shadow_rows_total",
                       {{"model", "m"}, {"version", "1"}, {"shadow", "2"}, {"result", result}});
  }

  prometheus::ClientMetric::Histogram Differences() {
    for (const auto& family : metrics.Collect()) {
      if (family.name == "predictd_shadow_difference") return family.metric.at(0).histogram;
    }
    return {};
  }

  repository::VersionHandle shadow_version;
  Shadow shadow;
  Predictor with_shadow;

 private:
  void AddShadow(double share, batching::FloatFunction function) {
    auto snapshot = std::make_shared<repository::Snapshot>(*catalog.snapshot());
    const repository::VersionHandle first = snapshot->models["m"].versions[0].handle;
    auto version = std::make_shared<repository::Version>();
    version->model = "m";
    version->version = "2";
    version->serial = 2;
    version->features = std::make_shared<Schema>(std::vector<std::string>{"id", "age", "more"});
    version->defaults = {kNone, kNone, 5};
    version->lane = std::make_unique<batching::Lane>(
        batching::LaneOptions{.model = "m",
                              .version = "2",
                              .inputs = {{.name = "x", .shape = {-1, 3}, .elements_per_row = 3}},
                              .outputs = {{.name = "y", .shape = {-1, 1}, .elements_per_row = 1}}},
        batching::OnFloats(std::move(function)),
        std::shared_ptr<batching::QueueLimit>(first, &first->lane->queue_limit()),
        first->lane->metrics());
    for (int rows = 1; rows <= 64; rows *= 2) {
      version->lane->RecordRunTime(rows, absl::Nanoseconds(1));
    }
    shadow_version = version;
    repository::VersionInfo info;
    info.version = "2";
    info.state = repository::State::kReady;
    info.role = repository::Role::kShadow;
    info.handle = version;
    snapshot->models["m"].shadow = {version, share};
    snapshot->models["m"].versions.insert(snapshot->models["m"].versions.begin(), std::move(info));
    catalog.Publish(std::move(snapshot));
  }
};

absl::Status Same(int rows, const float* in, float* out) {
  for (int i = 0; i < rows; ++i) out[i] = in[3 * i] + in[3 * i + 1] + 2;
  return absl::OkStatus();
}

TEST_CASE("a shadow is given the same features by name and its answers are compared") {
  float more = 0;
  ShadowRig rig(1, [&](int rows, const float* in, float* out) {
    more = in[2];
    Same(rows, in, out).IgnoreError();
    out[0] += 0.5F;
    return absl::OkStatus();
  });
  const auto answer = rig.Answered(100);
  REQUIRE(answer.ok());
  CHECK(answer->outputs == OutputValues{103});
  CHECK(answer->version->version == "1");
  rig.EndShadow();
  CHECK(rig.Rows("compared") == 1);
  CHECK(rig.Rows("dropped") == 0);
  CHECK(more == 5);
  CHECK(rig.Differences().sample_sum == 0.5);
  CHECK(rig.shadow_version->outcomes.rows() == 0);
  CHECK(answer->version->outcomes.rows() == 1);
}

TEST_CASE("a shadow runs on its share of the rows") {
  ShadowRig rig(0.25, Same);
  for (int i = 0; i < 100; ++i) CHECK(rig.Answered(i).ok());
  rig.EndShadow();
  CHECK(rig.Rows("compared") == 25);
  CHECK(rig.Differences().sample_sum == 0);
}

TEST_CASE("a shadow that fails is counted and changes no reply") {
  ShadowRig rig(1, [](int, const float*, float*) { return absl::InternalError("threw"); });
  for (int i = 0; i < 5; ++i) CHECK(rig.Answered(i).ok());
  rig.EndShadow();
  CHECK(rig.Rows("failed") == 5);
  CHECK(rig.Rows("compared") == 0);
}

TEST_CASE("a shadow gives way to rows that wait, and what waits too long is dropped") {
  ShadowRig rig(1, Same);
  batching::QueueLimit& queue = rig.shadow_version->lane->queue_limit();
  REQUIRE(queue.TryEnter());
  for (int i = 0; i < 300; ++i) CHECK(rig.Answered(i).ok());
  rig.loop.RunUntilIdle();
  CHECK(rig.Rows("compared") == 0);
  CHECK(rig.Rows("dropped") == 300 - 256);
  CHECK(rig.loop.NextTimer() < absl::InfiniteFuture());

  SECTION("they run when the others are through") {
    queue.Leave(1);
    rig.clock.Advance(absl::Milliseconds(10));
    rig.loop.RunUntilIdle();
    CHECK(rig.Rows("compared") == 256);
  }
  SECTION("the others are never through") {
    rig.clock.Advance(absl::Seconds(2));
    rig.loop.RunUntilIdle();
    CHECK(rig.Rows("dropped") == 300);
    queue.Leave(1);
  }
  SECTION("the end") {
    rig.EndShadow();
    CHECK(rig.Rows("dropped") == 300);
    queue.Leave(1);
  }
}

TEST_CASE("a shadow takes no place in a queue that is small") {
  ShadowRig rig(1, Same, /*max_queue=*/4);
  CHECK(rig.Answered(1).ok());
  rig.EndShadow();
  CHECK(rig.Rows("compared") == 0);
  CHECK(rig.Rows("dropped") == 1);
}

TEST_CASE("the rows of a batch are run on the shadow too") {
  ShadowRig rig(1, Same);
  rig.source.SetRow("1", {1, 20});
  rig.source.SetRow("2", {2, 20});
  const std::vector<absl::string_view> users = {"1", "2", "nobody"};
  const Request shared;
  REQUIRE(rig.Await(rig.with_shadow.PredictBatch(users, shared, rig.call)).ok());
  rig.loop.RunUntilIdle();
  CHECK(rig.Rows("compared") == 2);
}

TEST_CASE("no row of a batch is run on the shadow before the batch's last row is answered") {
  ShadowRig rig(1, Same);
  rig.source.SetRow("1", {1, 20});
  REQUIRE(rig.Predict(For("1")).ok());  // into the in-process cache
  rig.source.SetRow("2", {2, 20});
  rig.source.Hold();
  const std::vector<absl::string_view> users = {"1", "2"};
  const Request shared;
  std::optional<absl::StatusOr<BatchAnswer>> batch;
  Scope scope;
  auto run = [&]() -> Task<void> {
    batch = co_await rig.with_shadow.PredictBatch(users, shared, rig.call);
  };
  scope.Spawn(run());
  rig.loop.RunUntilIdle();
  CHECK_FALSE(batch);
  CHECK(rig.Rows("compared") < 1);
  rig.source.Release();
  while (!batch) rig.loop.RunTurn();
  rig.loop.RunUntilIdle();
  CHECK(rig.Rows("compared") == 2);
}

}  // namespace
}  // namespace predictd::predict
