#include "server/base/histogram_tally.h"

#include <algorithm>

namespace predictd {

HistogramTally::HistogramTally(prometheus::Histogram& histogram) : histogram_(histogram) {
  for (const auto& bucket : histogram.Collect().histogram.bucket) {
    upper_bounds_.push_back(bucket.upper_bound);
  }
  counts_.resize(upper_bounds_.size());
  upper_bounds_.pop_back();
}

void HistogramTally::Observe(double value) {
  const auto bucket = std::lower_bound(upper_bounds_.begin(), upper_bounds_.end(), value);
  ++counts_[bucket - upper_bounds_.begin()];
  sum_ += value;
  ++count_;
}

void HistogramTally::Flush() {
  if (count_ == 0) return;
  if (count_ == 1) {
    histogram_.Observe(sum_);  // writes one bucket instead of all
  } else {
    histogram_.ObserveMultiple(counts_, sum_);
  }
  std::fill(counts_.begin(), counts_.end(), 0);
  sum_ = 0;
  count_ = 0;
}

}  // namespace predictd
