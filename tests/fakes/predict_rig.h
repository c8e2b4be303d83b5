// The whole line on one loop: a model that the test writes, a source and a store in memory.
#ifndef PREDICTD_TESTS_FAKES_PREDICT_RIG_H_
#define PREDICTD_TESTS_FAKES_PREDICT_RIG_H_

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/async/scope.h"
#include "server/batching/worker_pool.h"
#include "server/predict/predictor.h"
#include "tests/fakes/feature_source.h"
#include "tests/fakes/float_function.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/prediction_store.h"

namespace predictd::predict {

inline constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

inline Request For(absl::string_view user_id,
                   std::vector<std::pair<absl::string_view, float>> features = {}) {
  Request request;
  request.user_id = user_id;
  request.features = std::move(features);
  return request;
}

class NoModel : public model::Model {
 public:
  const v1::Signature& signature() const override { return signature_; }
  const std::vector<TensorLayout>& inputs() const override { return none_; }
  const std::vector<TensorLayout>& outputs() const override { return none_; }
  absl::Status Run(int, const char* const*, char* const*) const override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<TensorValue>> RunShapes(absl::Span<const TensorView>) const override {
    return std::vector<TensorValue>();
  }

 private:
  v1::Signature signature_;
  std::vector<TensorLayout> none_;
};

// Model "m" has features age (default 30), hours (default 40) and id (no default); its output is
// age + hours + id. The source's columns are id, age.
class Rig {
 public:
  struct Options {
    SaveMode save = SaveMode::kOff;
    bool store = true;
    bool defaults_when_unreachable = false;
    bool refuse_missing_features = false;
    int max_queue = 1000;
    size_t max_answer = 1 << 20;  // bytes
    batching::FloatFunction function = Sum;
  };

  Rig() : Rig(Options()) {}
  explicit Rig(Options options)
      : loop(clock),
        pool(1, clock, metrics, [] {}),
        catalog(""),
        source({"id", "age"}),
        local({.bytes = 1 << 20, .ttl = absl::Seconds(5)}),
        writer(store, clock, metrics, save::Writer::Options()),
        batches(loop, pool, metrics, absl::Milliseconds(100)),
        reader(loop, ReaderOptions(), local, flights, nullptr, &source),
        predictor({loop, catalog, options.store ? &reader : nullptr, batches,
                   options.save == SaveMode::kOff ? nullptr : &writer, options.save, metrics,
                   nullptr, options.max_answer}) {
    Publish(options);
  }

  static absl::Status Sum(int rows, const float* in, float* out) {
    for (int i = 0; i < rows; ++i) out[i] = in[3 * i] + in[3 * i + 1] + in[3 * i + 2];
    return absl::OkStatus();
  }

  // Runs a task to its end.
  template <typename T>
  T Await(Task<T> task) {
    std::optional<T> result;
    Scope scope;
    auto run = [&](Task<T> inner) -> Task<void> { result.emplace(co_await std::move(inner)); };
    scope.Spawn(run(std::move(task)));
    while (!result) loop.RunTurn();
    return *std::move(result);
  }

  absl::StatusOr<Answer> Predict(const Request& request) { return Predict(predictor, request); }
  absl::StatusOr<Answer> Predict(Predictor& with, const Request& request) {
    Answer answer;
    const absl::Status status = Await(with.Predict(request, call, answer));
    if (!status.ok()) return status;
    return answer;
  }

  FakeClock clock;
  Metrics metrics;
  ManualLoop loop;
  batching::WorkerPool pool;
  repository::Catalog catalog;
  FakeFeatureSource source;
  FakePredictionStore store;
  features::LocalCache local;
  features::SingleFlight flights;
  save::Writer writer;
  batching::TurnBatches batches;
  features::Reader reader;
  Predictor predictor;
  CallContext call;

 private:
  features::Reader::Options ReaderOptions() {
    features::Reader::Options options;
    options.schema = source.schema();
    return options;
  }

  void Publish(const Options& options) {
    ModelMetrics& numbers = metrics.ForModel("m");
    auto version = std::make_shared<repository::Version>();
    version->model = "m";
    version->version = "1";
    version->serial = 1;
    version->defaults_when_unreachable = options.defaults_when_unreachable;
    version->refuse_missing_features = options.refuse_missing_features;
    version->runnable = std::make_unique<NoModel>();
    version->features = std::make_shared<Schema>(std::vector<std::string>{"age", "hours", "id"});
    version->defaults = {30, 40, kNone};
    version->lane = std::make_unique<batching::Lane>(
        batching::LaneOptions{.model = "m",
                              .version = "1",
                              .inputs = {{.name = "x", .shape = {-1, 3}, .elements_per_row = 3}},
                              .outputs = {{.name = "y", .shape = {-1, 1}, .elements_per_row = 1}}},
        batching::OnFloats(options.function),
        std::make_shared<batching::QueueLimit>(options.max_queue, numbers.queue_rows), numbers);
    for (int rows = 1; rows <= 64; rows *= 2)
      version->lane->RecordRunTime(rows, absl::Nanoseconds(1));

    auto snapshot = std::make_shared<repository::Snapshot>();
    snapshot->features = version->features;
    repository::VersionInfo info;
    info.version = "1";
    info.state = repository::State::kReady;
    info.handle = std::move(version);
    snapshot->models["m"].versions.push_back(std::move(info));
    catalog.Publish(std::move(snapshot));
  }
};

}  // namespace predictd::predict

#endif  // PREDICTD_TESTS_FAKES_PREDICT_RIG_H_
