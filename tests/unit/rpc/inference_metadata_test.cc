#include "server/rpc/inference_metadata.h"

#include <memory>
#include <string>
#include <vector>

#include "server/base/metrics.h"
#include "tests/catch.h"

namespace predictd::rpc {
namespace {

class NeverRun : public model::Model {
 public:
  NeverRun() {
    Add("x", "FP32", {-1, 3, -1}, *signature_.add_inputs());
    Add("k", "BF16", {-1, 1}, *signature_.add_inputs());
    Add("y", "BOOL", {-1}, *signature_.add_outputs());
  }

  const v1::Signature& signature() const override { return signature_; }
  const std::vector<TensorLayout>& inputs() const override { return none_; }
  const std::vector<TensorLayout>& outputs() const override { return none_; }
  absl::Status Run(int, const char* const*, char* const*) const override {
    return absl::InternalError("never");
  }
  absl::StatusOr<std::vector<TensorValue>> RunShapes(absl::Span<const TensorView>) const override {
    return absl::InternalError("never");
  }

 private:
  static void Add(const char* name, const char* datatype, const std::vector<int64_t>& shape,
                  v1::Tensor& tensor) {
    tensor.set_name(name);
    tensor.set_datatype(datatype);
    tensor.mutable_shape()->Assign(shape.begin(), shape.end());
  }

  v1::Signature signature_;
  const std::vector<TensorLayout> none_;
};

repository::VersionHandle MakeVersion(Metrics& metrics, batching::LaneOptions options) {
  auto version = std::make_shared<repository::Version>();
  version->model = "m";
  version->version = "2";
  version->runnable = std::make_unique<NeverRun>();
  ModelMetrics& numbers = metrics.ForModel("m");
  version->lane = std::make_unique<batching::Lane>(
      std::move(options), nullptr, std::make_shared<batching::QueueLimit>(99, numbers.queue_rows),
      numbers);
  return version;
}

repository::VersionInfo Info(const char* version, repository::State state,
                             const char* reason = "") {
  repository::VersionInfo info;
  info.version = version;
  info.state = state;
  info.reason = reason;
  return info;
}

template <typename Repeated>
std::vector<int64_t> List(const Repeated& values) {
  return {values.begin(), values.end()};
}

TEST_CASE("metadata names the READY versions, oldest first, and the tensors with their batch") {
  Metrics metrics;
  const auto version = MakeVersion(metrics, {});
  repository::ModelInfo model;
  model.versions = {Info("11", repository::State::kReady), Info("10", repository::State::kFailed),
                    Info("2", repository::State::kReady)};
  inference::ModelMetadataResponse message;
  FillMetadata(model, *version, message);
  CHECK(message.name() == "m");
  REQUIRE(message.versions_size() == 2);
  CHECK(message.versions(0) == "2");
  CHECK(message.versions(1) == "11");
  REQUIRE(message.inputs_size() == 2);
  CHECK(List(message.inputs(0).shape()) == std::vector<int64_t>{-1, 3, -1});
  CHECK(message.outputs(0).datatype() == "BOOL");
  CHECK(message.properties().empty());
}

TEST_CASE("a configuration says what the version runs with") {
  Metrics metrics;
  batching::LaneOptions options;
  options.max_batch = 12;
  options.batch_delay = absl::Microseconds(1500);
  options.max_workers = 3;
  const auto version = MakeVersion(metrics, options);
  inference::ModelConfig config;
  FillConfig({}, *version, /*workers=*/8, config);
  CHECK(config.max_batch_size() == 12);
  CHECK(config.version_policy().has_all());
  REQUIRE(config.input_size() == 2);
  CHECK(List(config.input(0).dims()) == std::vector<int64_t>{3, -1});
  CHECK(config.input(1).data_type() == inference::TYPE_BF16);
  CHECK(config.output(0).data_type() == inference::TYPE_BOOL);
  CHECK(config.output(0).dims().empty());
  CHECK(config.instance_group(0).count() == 3);
  CHECK(List(config.dynamic_batching().preferred_batch_size()) ==
        std::vector<int64_t>{1, 2, 4, 8, 12});
  CHECK(config.dynamic_batching().max_queue_delay_microseconds() == 1500);
  CHECK(config.dynamic_batching().default_queue_policy().max_queue_size() == 99);

  config.Clear();
  FillConfig({.latest = 2, .list = {}}, *version, /*workers=*/2, config);
  CHECK(config.version_policy().latest().num_versions() == 2);
  CHECK(config.instance_group(0).count() == 2);
  config.Clear();
  FillConfig({.latest = 0, .list = {1, 5}}, *version, /*workers=*/2, config);
  CHECK(List(config.version_policy().specific().versions()) == std::vector<int64_t>{1, 5});
}

TEST_CASE("statistics give runs by the size they ran at") {
  batching::LaneStatistics::Numbers numbers;
  numbers.requests_ok = {7, absl::Microseconds(70)};
  numbers.requests_failed = {2, absl::Microseconds(4)};
  numbers.queue = {30, absl::Microseconds(9)};
  numbers.rows = 30;
  numbers.last_run = absl::FromUnixMillis(1'700'000'000'123);
  numbers.runs.resize(13);
  numbers.runs[1] = {3, absl::Microseconds(6)};
  numbers.runs[12] = {2, absl::Microseconds(10)};
  inference::ModelStatistics message;
  FillStatistics(numbers, message);
  CHECK(message.last_inference() == 1'700'000'000'123);
  CHECK(message.inference_count() == 30);
  CHECK(message.execution_count() == 5);
  const inference::InferStatistics& infer = message.inference_stats();
  CHECK(infer.success().count() == 7);
  CHECK(infer.success().ns() == 70'000);
  CHECK(infer.fail().count() == 2);
  CHECK(infer.queue().ns() == 9'000);
  CHECK(infer.compute_infer().count() == 5);
  CHECK(infer.compute_infer().ns() == 16'000);
  // Clients read them without asking whether they are there.
  CHECK(infer.compute_input().count() == 5);
  CHECK(infer.compute_output().count() == 5);
  CHECK(infer.has_cache_hit());
  CHECK(infer.has_cache_miss());
  REQUIRE(message.batch_stats_size() == 2);
  CHECK(message.batch_stats(0).batch_size() == 1);
  CHECK(message.batch_stats(1).batch_size() == 12);
  CHECK(message.batch_stats(1).compute_infer().count() == 2);
  CHECK(message.batch_stats(1).compute_input().count() == 2);
  CHECK(message.batch_stats(1).compute_output().count() == 2);

  message.Clear();
  FillStatistics(batching::LaneStatistics::Numbers(), message);
  CHECK(message.last_inference() == 0);
  CHECK(message.has_inference_stats());
  CHECK(message.batch_stats().empty());
}

TEST_CASE("the index gives every version's state in the protocol's words") {
  using repository::State;
  repository::Snapshot snapshot;
  snapshot.models["a"].versions = {Info("6", State::kLoading),
                                   Info("5", State::kWarming),
                                   Info("4", State::kReady),
                                   Info("3", State::kUnloading),
                                   Info("2", State::kFailed, "cut off \xff"),
                                   Info("1", State::kUnloaded)};
  snapshot.models["b"].versions = {Info("1", State::kReady)};
  inference::RepositoryIndexResponse message;
  FillIndex(snapshot, /*only_ready=*/false, message);
  std::vector<std::string> states;
  for (const auto& entry : message.models()) {
    states.push_back(entry.name() + entry.version() + " " + entry.state());
  }
  CHECK(states == std::vector<std::string>{"a6 LOADING", "a5 LOADING", "a4 READY", "a3 UNLOADING",
                                           "a2 UNAVAILABLE", "a1 UNAVAILABLE", "b1 READY"});
  CHECK(message.models(4).reason().find("cut off") == 0);
  CHECK_FALSE(message.SerializeAsString().empty());
  message.Clear();
  FillIndex(snapshot, /*only_ready=*/true, message);
  REQUIRE(message.models_size() == 2);
  CHECK(message.models(0).version() == "4");
  CHECK(message.models(1).name() == "b");
}

}  // namespace
}  // namespace predictd::rpc
