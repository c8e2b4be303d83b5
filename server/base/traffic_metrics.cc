#include "server/base/traffic_metrics.h"

namespace predictd {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// From the last bits of a float to another opinion; outputs are often probabilities.
Buckets DifferenceBuckets() {
  return {0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 10, 100};
}

// Seconds.
Buckets ModelBuckets() {
  return {20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 0.1, 0.5, 1, 5};
}

}  // namespace

TrafficMetrics::TrafficMetrics(prometheus::Registry& registry)
    : config_invalid_(prometheus::BuildGauge()
                          .Name("predictd_model_config_invalid")
                          .Help("1 while the model's config.json cannot be used")
                          .Register(registry)),
      canary_returns_(prometheus::BuildCounter()
                          .Name("predictd_canary_returns_total")
                          .Help("Canaries taken back because too many of their rows failed")
                          .Register(registry)),
      shadow_rows_(prometheus::BuildCounter()
                       .Name("predictd_shadow_rows_total")
                       .Help("Answered rows that were chosen to be run on the shadow too")
                       .Register(registry)),
      shadow_difference_(prometheus::BuildHistogram()
                             .Name("predictd_shadow_difference")
                             .Help("Mean absolute difference of a row's outputs, shadow to answer")
                             .Register(registry)),
      shadow_seconds_(prometheus::BuildHistogram()
                          .Name("predictd_shadow_model_seconds")
                          .Help("Model's time of batches with compared rows")
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

ShadowMetrics& TrafficMetrics::ForShadow(const std::string& model, const std::string& version,
                                         const std::string& shadow) {
  MutexLock lock(mutex_);
  std::unique_ptr<ShadowMetrics>& numbers = shadows_[{model, version, shadow}];
  if (numbers != nullptr) return *numbers;
  const prometheus::Labels pair = {{"model", model}, {"version", version}, {"shadow", shadow}};
  const auto with = [&](const char* name, const char* value) {
    prometheus::Labels labels = pair;
    labels.emplace(name, value);
    return labels;
  };
  numbers = std::make_unique<ShadowMetrics>(ShadowMetrics{
      shadow_rows_.Add(with("result", "compared")), shadow_rows_.Add(with("result", "failed")),
      shadow_rows_.Add(with("result", "dropped")),
      shadow_difference_.Add(pair, DifferenceBuckets()),
      shadow_seconds_.Add(with("of", "version"), ModelBuckets()),
      shadow_seconds_.Add(with("of", "shadow"), ModelBuckets())});
  return *numbers;
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
