#include "tests/integration/harness/metrics_text.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace predictd::integration {

Series ParseSeries(absl::string_view text) {
  Series series;
  const size_t brace = text.find('{');
  series.name = std::string(text.substr(0, brace));
  if (brace == absl::string_view::npos) return series;
  text = text.substr(brace + 1);
  // Values here hold no quotes: names of models, codes, versions.
  while (!text.empty() && text[0] != '}') {
    absl::ConsumePrefix(&text, ",");
    const size_t value = text.find("=\"");
    const size_t end = text.find('"', value + 2);
    if (end == absl::string_view::npos) break;
    series.labels[std::string(text.substr(0, value))] =
        std::string(text.substr(value + 2, end - value - 2));
    text = text.substr(end + 1);
  }
  return series;
}

MetricsText::MetricsText(absl::string_view page) {
  for (const absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    const size_t space = line.rfind(' ');
    double value = 0;
    if (line[0] == '#' || space == absl::string_view::npos) continue;
    if (!absl::SimpleAtod(line.substr(space + 1), &value)) continue;
    values_[ParseSeries(line.substr(0, space))] = value;
  }
}

std::optional<double> MetricsText::Find(absl::string_view series) const {
  const auto found = values_.find(ParseSeries(series));
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

double MetricsText::Sum(absl::string_view series) const {
  const Series wanted = ParseSeries(series);
  double sum = 0;
  for (const auto& entry : values_) {
    const Series& candidate = entry.first;
    const bool matches =
        candidate.name == wanted.name &&
        std::all_of(wanted.labels.begin(), wanted.labels.end(), [&](const auto& label) {
          const auto at = candidate.labels.find(label.first);
          return at != candidate.labels.end() && at->second == label.second;
        });
    if (matches) sum += entry.second;
  }
  return sum;
}

}  // namespace predictd::integration
