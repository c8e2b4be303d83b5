#include "server/base/histogram_tally.h"

#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("a tally shows what it was told once it is flushed, bucket by bucket") {
  const prometheus::Histogram::BucketBoundaries bounds = {1, 2, 4};
  prometheus::Histogram direct(bounds);
  prometheus::Histogram tallied(bounds);
  HistogramTally tally(tallied);
  const auto check_equal = [&] {
    const auto left = direct.Collect().histogram;
    const auto right = tallied.Collect().histogram;
    CHECK(left.sample_count == right.sample_count);
    CHECK(left.sample_sum == right.sample_sum);
    REQUIRE(left.bucket.size() == right.bucket.size());
    for (size_t i = 0; i < left.bucket.size(); ++i) {
      CHECK(left.bucket[i].cumulative_count == right.bucket[i].cumulative_count);
    }
  };
  tally.Flush();
  check_equal();
  // On a bound, beyond all of them, below all of them.
  for (const double value : {1.0, 1.5, 2.0, 100.0, -3.0, 4.0}) {
    direct.Observe(value);
    tally.Observe(value);
  }
  CHECK(tallied.Collect().histogram.sample_count == 0);
  tally.Flush();
  check_equal();
  direct.Observe(3);
  tally.Observe(3);
  tally.Flush();
  tally.Flush();
  check_equal();
}

}  // namespace
}  // namespace predictd
