#include "client/load/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/catch.h"

namespace predictd::client {
namespace {

double Exact(const std::vector<int64_t>& sorted, double fraction) {
  const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  return static_cast<double>(sorted[std::max<size_t>(rank, 1) - 1]);
}

void CheckAgainstExact(std::vector<int64_t> values) {
  LatencyHistogram histogram;
  double sum = 0;
  for (const int64_t value : values) {
    histogram.Add(value);
    sum += static_cast<double>(value);
  }
  std::sort(values.begin(), values.end());
  for (const double fraction : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    INFO("fraction " << fraction);
    const double exact = Exact(values, fraction);
    CHECK(std::abs(absl::ToDoubleNanoseconds(histogram.Percentile(fraction)) - exact) <=
          exact * 0.004 + 0.5);
  }
  CHECK(histogram.count() == static_cast<int64_t>(values.size()));
  CHECK(absl::ToInt64Nanoseconds(histogram.max()) == values.back());
  CHECK(absl::ToDoubleNanoseconds(histogram.mean()) ==
        Approx(sum / static_cast<double>(values.size())).margin(1));
}

TEST_CASE("percentiles are within 0.4 % of the exact ones") {
  std::mt19937_64 random(7);
  std::vector<int64_t> values;
  SECTION("over all magnitudes") {
    std::uniform_real_distribution<double> exponent(0, 39);
    for (int i = 0; i < 50'000; ++i) {
      values.push_back(static_cast<int64_t>(std::exp2(exponent(random))));
    }
  }
  SECTION("of a latency-like distribution") {
    std::lognormal_distribution<double> latency(std::log(2e6), 0.7);
    for (int i = 0; i < 50'000; ++i) values.push_back(static_cast<int64_t>(latency(random)));
  }
  SECTION("of tiny values") {
    for (int i = 0; i < 5'000; ++i) values.push_back(static_cast<int64_t>(random() % 300));
  }
  SECTION("of one value") { values = {1'234'567}; }
  CheckAgainstExact(values);
}

TEST_CASE("merging equals adding to one histogram") {
  std::mt19937_64 random(8);
  LatencyHistogram all;
  LatencyHistogram parts[3];
  for (int i = 0; i < 30'000; ++i) {
    const auto value = static_cast<int64_t>(random() % 100'000'000);
    all.Add(value);
    parts[i % 3].Add(value);
  }
  LatencyHistogram merged;
  for (const auto& part : parts) merged.Merge(part);
  CHECK(merged.count() == all.count());
  CHECK(merged.max() == all.max());
  CHECK(merged.mean() == all.mean());
  for (const double fraction : {0.5, 0.9, 0.99, 0.999}) {
    CHECK(merged.Percentile(fraction) == all.Percentile(fraction));
  }
}

TEST_CASE("an empty histogram answers with zero") {
  const LatencyHistogram histogram;
  CHECK(histogram.Percentile(0.99) == absl::ZeroDuration());
  CHECK(histogram.max() == absl::ZeroDuration());
  CHECK(histogram.mean() == absl::ZeroDuration());
}

TEST_CASE("latencies beyond the last bucket and below zero are kept") {
  LatencyHistogram histogram;
  histogram.Add(-5);
  histogram.Add(int64_t{1} << 50);
  CHECK(histogram.count() == 2);
  CHECK(histogram.Percentile(0.5) == absl::ZeroDuration());
  CHECK(histogram.max() == absl::Nanoseconds(int64_t{1} << 50));
}

}  // namespace
}  // namespace predictd::client
