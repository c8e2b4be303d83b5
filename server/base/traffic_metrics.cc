#include "server/base/traffic_metrics.h"

namespace predictd {

TrafficMetrics::TrafficMetrics(prometheus::Registry& registry)
    : config_invalid_(prometheus::BuildGauge()
                          .Name("predictd_model_config_invalid")
                          .Help("1 while the model's config.json cannot be used")
                          .Register(registry)),
      canary_returns_(prometheus::BuildCounter()
                          .Name("predictd_canary_returns_total")
                          .Help("Canaries taken back because too many of their rows failed")
                          .Register(registry)) {}

TrafficMetrics::PerModel& TrafficMetrics::Of(absl::string_view model) {
  const auto it = models_.find(model);
  if (it != models_.end()) return it->second;
  const std::string name(model);
  return models_
      .emplace(name, PerModel{config_invalid_.Add({{"model", name}}),
                              canary_returns_.Add({{"model", name}})})
      .first->second;
}

void TrafficMetrics::SetConfigInvalid(absl::string_view model, bool invalid) {
  MutexLock lock(mutex_);
  Of(model).config_invalid.Set(invalid ? 1 : 0);
}

void TrafficMetrics::CountCanaryReturn(absl::string_view model) {
  MutexLock lock(mutex_);
  Of(model).canary_returns.Increment();
}

void TrafficMetrics::Forget(absl::string_view model) {
  MutexLock lock(mutex_);
  const auto it = models_.find(model);
  if (it == models_.end()) return;
  config_invalid_.Remove(&it->second.config_invalid);
  canary_returns_.Remove(&it->second.canary_returns);
  models_.erase(it);
}

}  // namespace predictd
