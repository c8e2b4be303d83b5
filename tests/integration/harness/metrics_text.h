// Prometheus' text format, read back.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_METRICS_TEXT_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_METRICS_TEXT_H_

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd::integration {

struct Series {
  std::string name;
  std::map<std::string, std::string> labels;

  friend bool operator<(const Series& a, const Series& b) {
    return a.name != b.name ? a.name < b.name : a.labels < b.labels;
  }
};

// `name{label="value",...}` or `name`; labels in any order.
Series ParseSeries(absl::string_view text);

class MetricsText {
 public:
  explicit MetricsText(absl::string_view page);

  // nullopt where the page has no such series.
  std::optional<double> Find(absl::string_view series) const;
  // Over all series of this name whose labels include the given ones.
  double Sum(absl::string_view series) const;

  const std::map<Series, double>& all() const { return values_; }

 private:
  std::map<Series, double> values_;
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_METRICS_TEXT_H_
