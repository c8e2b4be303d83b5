// Numbers of what config.json says of a model's versions: which share answers, which runs beside.
#ifndef PREDICTD_SERVER_BASE_TRAFFIC_METRICS_H_
#define PREDICTD_SERVER_BASE_TRAFFIC_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "server/base/mutex.h"

namespace predictd {

// Any thread. A model's series exist from its first mention, at zero.
class TrafficMetrics {
 public:
  explicit TrafficMetrics(prometheus::Registry& registry);

  // predictd_model_config_invalid{model}: 1 while its config.json cannot be used.
  void SetConfigInvalid(absl::string_view model, bool invalid);
  // predictd_canary_returns_total{model}: canaries taken back because of their failures.
  void CountCanaryReturn(absl::string_view model);
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
  Mutex mutex_;
  std::map<std::string, PerModel, std::less<>> models_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_TRAFFIC_METRICS_H_
