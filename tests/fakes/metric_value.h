// Reads one number as /metrics shows it.
#ifndef PREDICTD_TESTS_FAKES_METRIC_VALUE_H_
#define PREDICTD_TESTS_FAKES_METRIC_VALUE_H_

#include <map>
#include <string>

#include "server/base/metrics.h"

namespace predictd {

// Of a histogram its count; -1 where there is no such series.
inline double MetricValue(Metrics& metrics, const std::string& name,
                          const std::map<std::string, std::string>& labels = {}) {
  for (const auto& family : metrics.Collect()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      std::map<std::string, std::string> found;
      for (const auto& label : metric.label) found[label.name] = label.value;
      if (found != labels) continue;
      if (family.type == prometheus::MetricType::Gauge) return metric.gauge.value;
      if (family.type == prometheus::MetricType::Counter) return metric.counter.value;
      return static_cast<double>(metric.histogram.sample_count);
    }
  }
  return -1;
}

inline double StoreErrors(Metrics& metrics, const std::string& store, const std::string& kind) {
  return MetricValue(metrics, "predictd_feature_errors_total", {{"store", store}, {"kind", kind}});
}

inline double Saves(Metrics& metrics, const std::string& result) {
  return MetricValue(metrics, "predictd_saves_total", {{"result", result}});
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_METRIC_VALUE_H_
