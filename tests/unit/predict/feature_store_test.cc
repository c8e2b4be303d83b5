#include "server/predict/feature_store.h"

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {
namespace {

// Writes into the rig's source; refuses the user "bad".
class SinkOfSource : public FeatureSink {
 public:
  explicit SinkOfSource(FakeFeatureSource& source) : source_(source) {}

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const std::string> names,
                                                  absl::Span<const FeatureRecord> rows) override {
    if (names[0] == "nonsense") return absl::InvalidArgumentError("names: 'nonsense'");
    if (names[0] == "slow") {
      begun = true;
      WaitFor(may_end);
    }
    std::vector<absl::Status> statuses;
    for (const FeatureRecord& row : rows) {
      statuses.push_back(row.user_id == "bad" ? absl::InvalidArgumentError("bad")
                                              : absl::OkStatus());
      if (!statuses.back().ok()) continue;
      source_.SetRow(row.user_id, {row.values.begin(), row.values.end()});
    }
    if (names[0] == "lost") return absl::UnavailableError("the answer was lost");
    return statuses;
  }

  static void WaitFor(const std::atomic<bool>& flag) {
    while (!flag) absl::SleepFor(absl::Milliseconds(1));
  }
  // Of a "slow" write.
  std::atomic<bool> begun{false};
  std::atomic<bool> may_end{false};

 private:
  FakeFeatureSource& source_;
};

struct StoreRig {
  Task<void> Changed(std::string user_id) {
    changed.insert(user_id);
    rig.local.Erase(user_id);
    co_return;
  }
  absl::StatusOr<std::vector<absl::Status>> Put(const std::string& name,
                                                std::vector<FeatureRecord> rows) {
    return rig.Await(store.Put({name, "age"}, std::move(rows), rig.call));
  }
  absl::StatusOr<StoredRow> Get(const std::string& user_id,
                                absl::Duration max_age = absl::InfiniteDuration()) {
    return rig.Await(store.Get(user_id, max_age, rig.call));
  }

  Rig rig;
  std::set<std::string> changed;
  SinkOfSource* const table = new SinkOfSource(rig.source);  // sink's
  FeatureSinkThread sink{std::unique_ptr<FeatureSink>(table), rig.clock, rig.metrics};
  features::FeatureWriter writer{rig.loop, sink,
                                 [this](std::string id) { return Changed(std::move(id)); }};
  FeatureStore store{rig.loop, &rig.reader, &writer, rig.metrics};
};

TEST_CASE("a row that was put is what is got next, whatever was cached") {
  StoreRig test;
  test.rig.source.SetRow("u", {1, 2});
  REQUIRE(test.Get("u").ok());
  CHECK(test.Get("u")->row.origin == FeatureOrigin::kLocalCache);
  const auto put = test.Put("id", {{"u", {3, 4}}, {"bad", {5, 6}}});
  REQUIRE(put.ok());
  CHECK((*put)[0].ok());
  CHECK(absl::IsInvalidArgument((*put)[1]));
  CHECK(test.changed == std::set<std::string>{"u"});
  const auto got = test.Get("u");
  REQUIRE(got.ok());
  CHECK(got->row.values[0] == 3);
  CHECK(got->row.origin == FeatureOrigin::kSource);
  CHECK(got->age < absl::Seconds(1));
}

TEST_CASE("after a write whose answer was lost no old copy stays") {
  StoreRig test;
  CHECK(absl::IsUnavailable(test.Put("lost", {{"u", {3, 4}}, {"v", {3, 4}}}).status()));
  CHECK(test.changed == std::set<std::string>{"u", "v"});
  test.changed.clear();
  CHECK(absl::IsInvalidArgument(test.Put("nonsense", {{"u", {3, 4}}}).status()));
  CHECK(test.changed.empty());
}

TEST_CASE("a write that was refused before it began leaves the caches alone") {
  StoreRig test;
  FeatureSinkThread full(std::make_unique<SinkOfSource>(test.rig.source), test.rig.clock,
                         test.rig.metrics, /*max_queue=*/0);
  features::FeatureWriter writer(test.rig.loop, full,
                                 [&](std::string id) { return test.Changed(std::move(id)); });
  FeatureStore store(test.rig.loop, &test.rig.reader, &writer, test.rig.metrics);
  const auto put = test.rig.Await(store.Put({"id", "age"}, {{"u", {3, 4}}}, test.rig.call));
  CHECK(absl::IsResourceExhausted(put.status()));
  CHECK(test.changed.empty());
}

TEST_CASE("a write that ends after its deadline leaves no old copy, once it has ended") {
  StoreRig test;
  test.rig.call.deadline = test.rig.clock.Now() + absl::Seconds(1);
  std::optional<absl::StatusOr<std::vector<absl::Status>>> put;
  Scope scope;
  scope.Spawn([](StoreRig& rig, auto& result) -> Task<void> {
    auto putting = rig.store.Put({"slow", "age"}, {{"u", {3, 4}}}, rig.rig.call);
    result = co_await std::move(putting);
  }(test, put));
  SinkOfSource::WaitFor(test.table->begun);
  test.rig.clock.Advance(absl::Seconds(2));
  while (!put) test.rig.loop.RunTurn();
  CHECK(absl::IsDeadlineExceeded(put->status()));
  test.rig.loop.RunUntilIdle();
  CHECK(test.changed.empty());
  test.table->may_end = true;
  while (test.changed.empty()) test.rig.loop.RunTurn();
  CHECK(test.changed == std::set<std::string>{"u"});
}

TEST_CASE("what cannot be got is an error that says why") {
  StoreRig test;
  CHECK(absl::IsNotFound(test.Get("nobody").status()));
  CHECK(MetricValue(test.rig.metrics, "predictd_feature_rows_total", {{"origin", "not_found"}}) ==
        1);
  CHECK(absl::IsInvalidArgument(test.Get("").status()));
  CHECK(absl::IsInvalidArgument(test.Get(std::string("u\0", 2)).status()));
  CHECK(absl::IsInvalidArgument(test.Get("u", -absl::Seconds(1)).status()));
  test.rig.source.FailWith(absl::UnavailableError("down"));
  CHECK(absl::IsUnavailable(test.Get("u").status()));
  test.rig.call.cancelled = true;
  CHECK(absl::IsCancelled(test.Get("u").status()));
  CHECK(absl::IsCancelled(test.Put("id", {{"u", {3, 4}}}).status()));

  FeatureStore without(test.rig.loop, nullptr, nullptr, test.rig.metrics);
  CallContext call;
  const auto get = test.rig.Await(without.Get("u", absl::InfiniteDuration(), call));
  CHECK(absl::IsFailedPrecondition(get.status()));
  const auto put = test.rig.Await(without.Put({"age"}, {{"u", {1}}}, call));
  CHECK(absl::IsFailedPrecondition(put.status()));
  CHECK(std::string(put.status().message()).find("--feature_source") != std::string::npos);
}

}  // namespace
}  // namespace predictd::predict
