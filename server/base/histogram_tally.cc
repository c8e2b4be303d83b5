#include "server/base/histogram_tally.h"

#include <algorithm>

namespace predictd {

HistogramTally::HistogramTally(prometheus::Histogram& histogram) : histogram_(histogram) {
  for (const auto& bucket : histogram.Collect().histogram.bucket) {
    upper_bounds_.push_back(bucket.upper_bound);
  }
  counts_.resize(upper_bounds_.size());
  upper_bounds_.pop_back();
  last_bucket_ = BucketOf(last_seconds_);
}

size_t HistogramTally::BucketOf(double value) const {
  return std::lower_bound(upper_bounds_.begin(), upper_bounds_.end(), value) -
         upper_bounds_.begin();
}

void HistogramTally::Observe(absl::Duration duration, int times) {
  if (duration != last_) {
    last_ = duration;
    last_seconds_ = absl::ToDoubleSeconds(duration);
    last_bucket_ = BucketOf(last_seconds_);
  }
  Count(last_bucket_, last_seconds_, times);
}

void HistogramTally::Count(size_t bucket, double value, int times) {
  counts_[bucket] += times;
  sum_ += times * value;
  count_ += times;
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
