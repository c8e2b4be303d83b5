#include "client/load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace predictd::client {

size_t LatencyHistogram::BucketOf(uint64_t value) {
  constexpr uint64_t kLargest = (uint64_t{1} << kLargestBits) - 1;
  value = std::min(value, kLargest);
  // The top kLinearBits + 1 bits of a value choose its bucket; below 2^(kLinearBits + 1) each value
  // has one of its own.
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kLinearBits - 1);
  return (static_cast<size_t>(shift) << kLinearBits) + (value >> shift);
}

double LatencyHistogram::MiddleOf(size_t bucket) {
  const size_t linear = size_t{1} << kLinearBits;
  if (bucket < 2 * linear) return static_cast<double>(bucket);
  const size_t shift = (bucket >> kLinearBits) - 1;
  const size_t top = bucket - (shift << kLinearBits);
  return std::ldexp(static_cast<double>(top) + 0.5, static_cast<int>(shift));
}

void LatencyHistogram::Add(int64_t nanoseconds) {
  nanoseconds = std::max<int64_t>(nanoseconds, 0);
  ++buckets_[BucketOf(static_cast<uint64_t>(nanoseconds))];
  ++count_;
  sum_ += nanoseconds;
  max_ = std::max(max_, nanoseconds);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

absl::Duration LatencyHistogram::mean() const {
  return count_ == 0 ? absl::ZeroDuration() : absl::Nanoseconds(sum_) / count_;
}

absl::Duration LatencyHistogram::Percentile(double fraction) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto rank =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(fraction * static_cast<double>(count_))));
  int64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(absl::Nanoseconds(MiddleOf(i)), max());
  }
  return max();
}

}  // namespace predictd::client
