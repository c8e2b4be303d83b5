// Counts latencies in buckets that are narrow for short ones and wide for long ones.
#ifndef PREDICTD_CLIENT_LOAD_LATENCY_HISTOGRAM_H_
#define PREDICTD_CLIENT_LOAD_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace predictd::client {

// Log-linear, as HdrHistogram's: 128 buckets per power of two, so that a percentile is within 0.4 %
// of the exact one, for 0 to 18 minutes (longer ones count as that long; the maximum is exact).
// Adding costs a few instructions and never allocates. One thread; merge per-thread histograms at
// the end.
class LatencyHistogram {
 public:
  void Add(int64_t nanoseconds);
  void Merge(const LatencyHistogram& other);

  int64_t count() const { return count_; }
  absl::Duration max() const { return absl::Nanoseconds(max_); }
  absl::Duration mean() const;

  // The smallest latency that `fraction` (0 to 1) of all do not exceed; 0 of an empty histogram.
  absl::Duration Percentile(double fraction) const;

 private:
  static constexpr int kLinearBits = 7;
  static constexpr int kLargestBits = 40;
  static constexpr size_t kBuckets = (kLargestBits - kLinearBits + 1) << kLinearBits;

  static size_t BucketOf(uint64_t value);
  static double MiddleOf(size_t bucket);

  std::array<int64_t, kBuckets> buckets_{};
  int64_t count_ = 0;
  int64_t sum_ = 0;
  int64_t max_ = 0;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_LATENCY_HISTOGRAM_H_
