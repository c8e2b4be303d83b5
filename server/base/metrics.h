// Every number predictd exposes, by name. Series exist from the start, at zero.
#ifndef PREDICTD_SERVER_BASE_METRICS_H_
#define PREDICTD_SERVER_BASE_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/feature_row.h"
#include "server/base/mutex.h"
#include "server/base/traffic_metrics.h"

namespace predictd {

// The RPCs of predictd.v1.Predictor and inference.GRPCInferenceService, as the label `method`.
enum class Method {
  kPredict,
  kPredictBatch,
  kPredictStream,
  kGetPrediction,
  kListModels,
  kLoadModel,
  kUnloadModel,
  kPutFeatures,
  kGetFeatures,
  kServerLive,
  kServerReady,
  kServerMetadata,
  kModelReady,
  kModelMetadata,
  kModelInfer,
  kModelStreamInfer,
  kModelConfig,
  kModelStatistics,
  kRepositoryIndex,
  kRepositoryModelLoad,
  kRepositoryModelUnload,
};
inline constexpr int kMethods = 21;
absl::string_view MethodName(Method method);

// gRPC's name of a status code: "NOT_FOUND".
absl::string_view StatusCodeName(absl::StatusCode code);

enum class Stage { kFeatures, kQueue, kModel, kSave };
inline constexpr int kStages = 4;
absl::string_view StageName(Stage stage);

enum class Store { kRedis, kSource, kSave };

// What went wrong with a store, as the label `kind`.
enum class StoreError {
  kUnreachable,  // no connection, or it was lost
  kTimeout,      // no answer in time
  kRefused,      // NOAUTH, WRONGPASS, NOPERM: the credentials do not suffice
  kWrongType,    // a Redis key of another type
  kGarbage,      // a value or a reply that cannot be read
  kError,        // the store answered with an error of its own
  kWrite,        // a write-back or a save attempt that failed
};
inline constexpr int kStoreErrors = 7;

// Ways in which a row was got although a store could not be asked, as the label `path`.
enum class Degraded {
  kWithoutRedis,             // from the source, because Redis gave no answer
  kDefaultsWhenUnreachable,  // no store answered: see ModelConfig.defaults_when_unreachable
};

enum class DropReason { kQueueFull, kDeadline, kCancelled };
enum class SaveResult { kSaved, kFailed, kDropped };

// Numbers of one model. Any thread.
struct ModelMetrics {
  prometheus::Histogram& batch_rows;
  prometheus::Gauge& queue_rows;
  prometheus::Histogram& output;
  prometheus::Histogram& load_duration;
  prometheus::Counter& loads_ok;
  prometheus::Counter& loads_failed;
  // The model threw, or gave NaN or infinity; a shadow's rows too.
  prometheus::Counter& rows_failed;
};

// Versions of what predictd is made of, for predictd_build_info.
struct BuildInfo {
  std::string version;
  std::string libtorch;
  std::string grpc;
  std::string hiredis;
};

// Owned by main for the life of the process; any thread.
class Metrics {
 public:
  Metrics();

  // What /metrics shows.
  std::vector<prometheus::MetricFamily> Collect();

  void SetBuildInfo(const BuildInfo& info);

  // One request answered; `method` and `code` are labels.
  void CountRequest(Method method, absl::StatusCode code, absl::Duration duration);
  void ObserveStage(Stage stage, absl::Duration duration);
  // For a tally of observations, in seconds.
  prometheus::Histogram& StageHistogram(Stage stage) { return *stages_[static_cast<int>(stage)]; }
  // Rows refused or given up before the model ran, and the stage they were in. A passed deadline
  // counts as CountDeadlinePassed does, too.
  void CountRowsDropped(DropReason reason, Stage stage, int rows = 1);
  void CountDeadlinePassed(Stage stage, int rows = 1);
  // Rows were read for a request; kUnspecified counts as "not_found".
  void CountFeatureRows(FeatureOrigin origin, int rows = 1);
  void CountDegraded(Degraded path);
  void CountStoreError(Store store, StoreError kind);
  void CountSaves(SaveResult result, int predictions);

  // The model's numbers; created at its first mention and kept for life.
  ModelMetrics& ForModel(absl::string_view model);
  void SetModelReady(absl::string_view model, absl::string_view version, bool ready);
  // Takes the version's series away: it is gone from disk.
  void ForgetModelVersion(absl::string_view model, absl::string_view version);

 private:
  prometheus::Registry registry_;

 public:
  // Two that change with every request, shown when collected: a gauge costs a call and a
  // compare-and-swap loop for each change. Requests taken and not yet answered, health checks
  // aside:
  std::atomic<int> in_flight_requests{0};
  // Predictions that wait to be written.
  std::atomic<size_t> save_queue_rows{0};
  // 1 while callers should be sent here.
  prometheus::Gauge& ready;
  prometheus::Counter& redis_reconnects;
  // Connections to Redis that answer: one per event loop, of a cluster one per loop and master.
  prometheus::Gauge& redis_up;
  prometheus::Counter& source_reads;
  // 1 while Redis is proven to tell of changed keys.
  prometheus::Gauge& invalidation_up;
  prometheus::Counter& invalidations;
  prometheus::Histogram& feature_age;
  // Of the model repository, itself included.
  prometheus::Gauge& folders_unreadable;
  TrafficMetrics traffic;

 private:
  struct PerMethod {
    std::vector<prometheus::Counter*> codes;  // by absl::StatusCode
    prometheus::Histogram* duration;
  };

  prometheus::Gauge& in_flight_gauge_;
  prometheus::Gauge& save_queue_gauge_;
  std::array<PerMethod, kMethods> methods_;
  std::array<prometheus::Histogram*, kStages> stages_;
  std::array<prometheus::Counter*, 3> rows_dropped_;
  std::array<prometheus::Counter*, kStages> deadlines_passed_;
  std::array<prometheus::Counter*, kFeatureOrigins> feature_rows_;
  std::array<prometheus::Counter*, 2> degraded_;
  std::array<std::array<prometheus::Counter*, kStoreErrors>, 3> store_errors_;
  std::array<prometheus::Counter*, 3> saves_;

  prometheus::Family<prometheus::Histogram>& batch_rows_;
  prometheus::Family<prometheus::Gauge>& queue_rows_;
  prometheus::Family<prometheus::Histogram>& model_output_;
  prometheus::Family<prometheus::Histogram>& load_duration_;
  prometheus::Family<prometheus::Counter>& loads_;
  prometheus::Family<prometheus::Counter>& model_rows_failed_;
  prometheus::Family<prometheus::Gauge>& model_ready_;

  Mutex models_mutex_;
  std::map<std::string, std::unique_ptr<ModelMetrics>, std::less<>> models_
      ABSL_GUARDED_BY(models_mutex_);
  std::map<std::pair<std::string, std::string>, prometheus::Gauge*> ready_
      ABSL_GUARDED_BY(models_mutex_);
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_METRICS_H_
