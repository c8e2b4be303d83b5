// What is counted of every row's features, many rows at a time.
#ifndef PREDICTD_SERVER_PREDICT_ROW_METRICS_H_
#define PREDICTD_SERVER_PREDICT_ROW_METRICS_H_

#include <array>

#include "absl/time/time.h"
#include "server/base/feature_row.h"
#include "server/base/histogram_tally.h"
#include "server/base/metrics.h"

namespace predictd::predict {

// One loop's; that loop's thread only. Shows in the metrics after Flush, which comes before the
// rows' answers.
class RowMetrics {
 public:
  // `metrics` outlives it.
  explicit RowMetrics(Metrics& metrics)
      : metrics_(metrics),
        stage_(metrics.StageHistogram(Stage::kFeatures)),
        age_(metrics.feature_age) {}

  // kUnspecified: there was no row.
  void CountOrigin(FeatureOrigin origin) { ++origins_[static_cast<int>(origin)]; }
  void ObserveAge(double seconds) { age_.Observe(seconds); }
  // How long the stage "features" was, for `rows` that went through it together.
  void ObserveStage(absl::Duration took, int rows = 1) { stage_.Observe(took, rows); }

  void Flush() {
    stage_.Flush();
    age_.Flush();
    for (int i = 0; i < kFeatureOrigins; ++i) {
      if (origins_[i] == 0) continue;
      metrics_.CountFeatureRows(static_cast<FeatureOrigin>(i), origins_[i]);
      origins_[i] = 0;
    }
  }

 private:
  Metrics& metrics_;
  HistogramTally stage_;
  HistogramTally age_;
  std::array<int, kFeatureOrigins> origins_{};
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_ROW_METRICS_H_
