#include "server/base/metrics.h"

#include <utility>

namespace predictd {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using Buckets = prometheus::Histogram::BucketBoundaries;

constexpr absl::string_view kMethodNames[kMethods] = {
    "Predict",          "PredictBatch",        "PredictStream",
    "GetPrediction",    "ListModels",          "LoadModel",
    "UnloadModel",      "PutFeatures",         "GetFeatures",
    "ServerLive",       "ServerReady",         "ServerMetadata",
    "ModelReady",       "ModelMetadata",       "ModelInfer",
    "ModelStreamInfer", "ModelConfig",         "ModelStatistics",
    "RepositoryIndex",  "RepositoryModelLoad", "RepositoryModelUnload"};
constexpr absl::string_view kStageNames[kStages] = {"features", "queue", "model", "save"};
constexpr absl::string_view kCodeNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
constexpr absl::string_view kStoreNames[] = {"redis", "source", "save"};
constexpr absl::string_view kErrorNames[kStoreErrors] = {
    "unreachable", "timeout", "refused", "wrong_type", "garbage", "error", "write"};
constexpr absl::string_view kDegradedNames[] = {"without_redis", "defaults_when_unreachable"};
constexpr absl::string_view kDropNames[] = {"queue_full", "deadline", "cancelled"};
constexpr absl::string_view kSaveNames[] = {"saved", "failed", "dropped"};
// By FeatureOrigin; no row at all is "not_found".
constexpr absl::string_view kOriginNames[kFeatureOrigins] = {"not_found", "request", "local_cache",
                                                             "redis",     "source",  "defaults"};

// Seconds. From what a cached light model takes to what a slow one behind a full queue takes.
Buckets DurationBuckets() {
  return {50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3,
          50e-3, 0.1,    0.2,    0.5,    1,    2,    5,    10};
}

Buckets RowBuckets() { return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}; }
Buckets AgeBuckets() { return {0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 86400}; }
Buckets LoadBuckets() { return {0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300}; }

// Fine between 0 and 1, where probabilities lie; coarse beyond.
Buckets OutputBuckets() {
  return {-100, -10, -5,  -2,  -1,  -0.5, 0, 0.05, 0.1, 0.2, 0.3, 0.4,
          0.5,  0.6, 0.7, 0.8, 0.9, 0.95, 1, 2,    5,   10,  100, 1000};
}

std::string Text(absl::string_view text) { return std::string(text); }

}  // namespace

absl::string_view MethodName(Method method) { return kMethodNames[static_cast<int>(method)]; }
absl::string_view StageName(Stage stage) { return kStageNames[static_cast<int>(stage)]; }
absl::string_view StatusCodeName(absl::StatusCode code) {
  return kCodeNames[static_cast<int>(code)];
}

Metrics::Metrics()
    : ready(BuildGauge()
                .Name("predictd_ready")
                .Help("1 while /readyz answers 200: the default model, or without one every model, "
                      "has a READY version, and the server is not draining")
                .Register(registry_)
                .Add({})),
      redis_reconnects(BuildCounter()
                           .Name("predictd_redis_reconnects_total")
                           .Help("Attempts to connect to Redis again after a connection was lost")
                           .Register(registry_)
                           .Add({})),
      redis_up(BuildGauge()
                   .Name("predictd_redis_up")
                   .Help("Connections to Redis that answer: with all well one per event loop (and "
                         "master), 0 while it is down or where there is no --feature_cache; to "
                         "alert on it compare with 0")
                   .Register(registry_)
                   .Add({})),
      source_reads(BuildCounter()
                       .Name("predictd_source_reads_total")
                       .Help("Rows asked of the feature source; callers of one user share a read")
                       .Register(registry_)
                       .Add({})),
      invalidation_up(BuildGauge()
                          .Name("predictd_invalidation_up")
                          .Help("1 while Redis is proven to tell of changed keys")
                          .Register(registry_)
                          .Add({})),
      invalidations(BuildCounter()
                        .Name("predictd_invalidations_total")
                        .Help("Keys that Redis has told to have changed; a flush counts as one")
                        .Register(registry_)
                        .Add({})),
      feature_age(BuildHistogram()
                      .Name("predictd_feature_age_seconds")
                      .Help("Age of stored rows when they were used")
                      .Register(registry_)
                      .Add({}, AgeBuckets())),
      folders_unreadable(BuildGauge()
                             .Name("predictd_model_folders_unreadable")
                             .Help("Folders of the model repository that cannot be read")
                             .Register(registry_)
                             .Add({})),
      traffic(registry_),
      in_flight_gauge_(BuildGauge()
                           .Name("predictd_in_flight_requests")
                           .Help("Requests taken and not yet answered")
                           .Register(registry_)
                           .Add({})),
      save_queue_gauge_(BuildGauge()
                            .Name("predictd_save_queue_rows")
                            .Help("Predictions that wait to be written")
                            .Register(registry_)
                            .Add({})),
      batch_rows_(BuildHistogram()
                      .Name("predictd_batch_rows")
                      .Help("Rows in one model run, before padding")
                      .Register(registry_)),
      queue_rows_(BuildGauge()
                      .Name("predictd_queue_rows")
                      .Help("Rows that wait to be run")
                      .Register(registry_)),
      model_output_(BuildHistogram()
                        .Name("predictd_model_output")
                        .Help("First output of each prediction, to see drift")
                        .Register(registry_)),
      load_duration_(BuildHistogram()
                         .Name("predictd_model_load_duration_seconds")
                         .Help("From the start of loading to READY or FAILED")
                         .Register(registry_)),
      loads_(BuildCounter()
                 .Name("predictd_model_loads_total")
                 .Help("Versions that were loaded, or failed to")
                 .Register(registry_)),
      model_rows_failed_(BuildCounter()
                             .Name("predictd_model_rows_failed_total")
                             .Help("Rows that the model threw on, or gave NaN or infinity for")
                             .Register(registry_)),
      model_ready_(BuildGauge()
                       .Name("predictd_model_ready")
                       .Help("1 where the version is READY")
                       .Register(registry_)) {
  auto& requests =
      BuildCounter().Name("predictd_requests_total").Help("Requests answered").Register(registry_);
  auto& durations = BuildHistogram()
                        .Name("predictd_request_duration_seconds")
                        .Help("From taking a request to answering it")
                        .Register(registry_);
  for (int m = 0; m < kMethods; ++m) {
    const std::string method = Text(kMethodNames[m]);
    for (const absl::string_view code : kCodeNames) {
      methods_[m].codes.push_back(&requests.Add({{"method", method}, {"code", Text(code)}}));
    }
    methods_[m].duration = &durations.Add({{"method", method}}, DurationBuckets());
  }

  auto& stages =
      BuildHistogram()
          .Name("predictd_stage_duration_seconds")
          .Help("Time a request spent in one stage; features: 0 from the in-process cache")
          .Register(registry_);
  for (int s = 0; s < kStages; ++s) {
    stages_[s] = &stages.Add({{"stage", Text(kStageNames[s])}}, DurationBuckets());
  }

  auto& dropped = BuildCounter()
                      .Name("predictd_rows_dropped_total")
                      .Help("Rows that were refused or given up before the model ran")
                      .Register(registry_);
  for (int r = 0; r < 3; ++r) rows_dropped_[r] = &dropped.Add({{"reason", Text(kDropNames[r])}});

  auto& deadlines = BuildCounter()
                        .Name("predictd_deadlines_passed_total")
                        .Help("Rows whose caller's deadline passed, or would have, by stage")
                        .Register(registry_);
  for (int s = 0; s < kStages; ++s) {
    deadlines_passed_[s] = &deadlines.Add({{"stage", Text(kStageNames[s])}});
  }

  auto& rows = BuildCounter()
                   .Name("predictd_feature_rows_total")
                   .Help("Where the features of a request came from")
                   .Register(registry_);
  for (int o = 0; o < kFeatureOrigins; ++o) {
    feature_rows_[o] = &rows.Add({{"origin", Text(kOriginNames[o])}});
  }

  auto& degraded = BuildCounter()
                       .Name("predictd_degraded_total")
                       .Help("Rows that were got although a store could not be asked")
                       .Register(registry_);
  for (int p = 0; p < 2; ++p) degraded_[p] = &degraded.Add({{"path", Text(kDegradedNames[p])}});

  auto& errors = BuildCounter()
                     .Name("predictd_feature_errors_total")
                     .Help("Failures of a store, most of which no caller sees")
                     .Register(registry_);
  for (int s = 0; s < 3; ++s) {
    for (int k = 0; k < kStoreErrors; ++k) {
      store_errors_[s][k] =
          &errors.Add({{"store", Text(kStoreNames[s])}, {"kind", Text(kErrorNames[k])}});
    }
  }

  auto& saves = BuildCounter()
                    .Name("predictd_saves_total")
                    .Help("What became of predictions; one that repeats a key counts as saved")
                    .Register(registry_);
  for (int r = 0; r < 3; ++r) saves_[r] = &saves.Add({{"result", Text(kSaveNames[r])}});
}

std::vector<prometheus::MetricFamily> Metrics::Collect() {
  in_flight_gauge_.Set(in_flight_requests.load(std::memory_order_relaxed));
  save_queue_gauge_.Set(static_cast<double>(save_queue_rows.load(std::memory_order_relaxed)));
  return registry_.Collect();
}

void Metrics::SetBuildInfo(const BuildInfo& info) {
  BuildGauge()
      .Name("predictd_build_info")
      .Help("Versions of the server and its libraries")
      .Register(registry_)
      .Add({{"version", info.version},
            {"libtorch", info.libtorch},
            {"grpc", info.grpc},
            {"hiredis", info.hiredis}})
      .Set(1);
}

void Metrics::CountRequest(Method method, absl::StatusCode code, absl::Duration duration) {
  PerMethod& numbers = methods_[static_cast<int>(method)];
  numbers.codes[static_cast<int>(code)]->Increment();
  numbers.duration->Observe(absl::ToDoubleSeconds(duration));
}

void Metrics::ObserveStage(Stage stage, absl::Duration duration) {
  StageHistogram(stage).Observe(absl::ToDoubleSeconds(duration));
}

void Metrics::CountRowsDropped(DropReason reason, Stage stage, int rows) {
  rows_dropped_[static_cast<int>(reason)]->Increment(rows);
  if (reason == DropReason::kDeadline) CountDeadlinePassed(stage, rows);
}

void Metrics::CountDeadlinePassed(Stage stage, int rows) {
  deadlines_passed_[static_cast<int>(stage)]->Increment(rows);
}

void Metrics::CountFeatureRows(FeatureOrigin origin, int rows) {
  feature_rows_[static_cast<int>(origin)]->Increment(rows);
}

void Metrics::CountDegraded(Degraded path) { degraded_[static_cast<int>(path)]->Increment(); }

void Metrics::CountStoreError(Store store, StoreError kind) {
  store_errors_[static_cast<int>(store)][static_cast<int>(kind)]->Increment();
}

void Metrics::CountSaves(SaveResult result, int predictions) {
  saves_[static_cast<int>(result)]->Increment(predictions);
}

ModelMetrics& Metrics::ForModel(absl::string_view model) {
  MutexLock lock(models_mutex_);
  auto it = models_.find(model);
  if (it != models_.end()) return *it->second;
  const std::string name(model);
  auto numbers = std::make_unique<ModelMetrics>(ModelMetrics{
      batch_rows_.Add({{"model", name}}, RowBuckets()), queue_rows_.Add({{"model", name}}),
      model_output_.Add({{"model", name}}, OutputBuckets()),
      load_duration_.Add({{"model", name}}, LoadBuckets()),
      loads_.Add({{"model", name}, {"result", "ok"}}),
      loads_.Add({{"model", name}, {"result", "failed"}}),
      model_rows_failed_.Add({{"model", name}})});
  return *models_.emplace(name, std::move(numbers)).first->second;
}

void Metrics::SetModelReady(absl::string_view model, absl::string_view version, bool ready) {
  MutexLock lock(models_mutex_);
  const std::pair<std::string, std::string> key(model, version);
  auto it = ready_.find(key);
  if (it == ready_.end()) {
    it = ready_.emplace(key, &model_ready_.Add({{"model", key.first}, {"version", key.second}}))
             .first;
  }
  it->second->Set(ready ? 1 : 0);
}

void Metrics::ForgetModelVersion(absl::string_view model, absl::string_view version) {
  MutexLock lock(models_mutex_);
  const auto it = ready_.find(std::pair(std::string(model), std::string(version)));
  if (it == ready_.end()) return;
  model_ready_.Remove(it->second);
  ready_.erase(it);
}

}  // namespace predictd
