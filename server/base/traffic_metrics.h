// Numbers of what config.json says of a model's versions: which share answers, which runs beside.
#ifndef PREDICTD_SERVER_BASE_TRAFFIC_METRICS_H_
#define PREDICTD_SERVER_BASE_TRAFFIC_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "absl/strings/string_view.h"
#include "server/base/mutex.h"

namespace predictd {

// A version's answers beside its shadow's to the same rows.
struct ShadowMetrics {
  // predictd_shadow_rows_total{model,version,shadow,result}: "dropped" rows were not run, because
  // the model had other rows waiting, too many waited, or a feature was missing.
  prometheus::Counter& compared;
  prometheus::Counter& failed;
  prometheus::Counter& dropped;
  // predictd_shadow_difference{model,version,shadow}: mean absolute difference of a row's outputs.
  prometheus::Histogram& difference;
  // predictd_shadow_model_seconds{model,version,shadow,of="version|shadow"}: model's time of the
  // batches with the rows that were compared.
  prometheus::Histogram& version_seconds;
  prometheus::Histogram& shadow_seconds;
};

// Any thread. A model's series exist from its first mention, at zero.
class TrafficMetrics {
 public:
  explicit TrafficMetrics(prometheus::Registry& registry);

  // predictd_model_config_invalid{model}: 1 while its config.json cannot be used.
  void SetConfigInvalid(absl::string_view model, bool invalid);
  // predictd_canary_returns_total{model}: canaries taken back because of their failures.
  void CountCanaryReturn(absl::string_view model);
  // Kept for life.
  ShadowMetrics& ForShadow(const std::string& model, const std::string& version,
                           const std::string& shadow);
  // The model is gone from disk.
  void Forget(absl::string_view model);

 private:
  struct PerModel {
    prometheus::Gauge& config_invalid;
    prometheus::Counter& canary_returns;
  };
  PerModel& Of(absl::string_view model) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  prometheus::Family<prometheus::Gauge>& config_invalid_;
  prometheus::Family<prometheus::Counter>& canary_returns_;
  prometheus::Family<prometheus::Counter>& shadow_rows_;
  prometheus::Family<prometheus::Histogram>& shadow_difference_;
  prometheus::Family<prometheus::Histogram>& shadow_seconds_;
  Mutex mutex_;
  std::map<std::string, PerModel, std::less<>> models_ ABSL_GUARDED_BY(mutex_);
  std::map<std::tuple<std::string, std::string, std::string>, std::unique_ptr<ShadowMetrics>>
      shadows_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_TRAFFIC_METRICS_H_
