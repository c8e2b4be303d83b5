// Many observations handed over to a shared histogram at once.
#ifndef PREDICTD_SERVER_BASE_HISTOGRAM_TALLY_H_
#define PREDICTD_SERVER_BASE_HISTOGRAM_TALLY_H_

#include <prometheus/histogram.h>

#include <cstddef>
#include <vector>

#include "absl/time/time.h"

namespace predictd {

// One thread. All loops and workers count in the same histograms, each time under its lock: rows
// that are observed together take it once. What is not flushed shows nowhere.
class HistogramTally {
 public:
  // `histogram` outlives it.
  explicit HistogramTally(prometheus::Histogram& histogram);

  void Observe(double value) { Count(BucketOf(value), value, 1); }
  // In seconds, `times` times. Rows that went together took the same time: the same once more costs
  // little.
  void Observe(absl::Duration duration, int times = 1);
  void Flush();

 private:
  size_t BucketOf(double value) const;
  void Count(size_t bucket, double value, int times);

  prometheus::Histogram& histogram_;
  std::vector<double> upper_bounds_;  // without the last one, infinity
  std::vector<double> counts_;        // by bucket; as doubles, as the library takes them
  double sum_ = 0;
  int count_ = 0;
  absl::Duration last_;
  double last_seconds_ = 0;
  size_t last_bucket_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_HISTOGRAM_TALLY_H_
