// README.md beside this file says where the bounds are from.
#include "tests/guard/allocations.h"

#include <iostream>
#include <memory>

#include "tests/catch.h"
#include "tests/guard/warm_line.h"

namespace predictd::predict {
namespace {

constexpr int kRequests = 10000;

double AllocationsPerRequest(WarmLine& line) {
  const int64_t before = Allocations();
  line.Run(kRequests);
  return static_cast<double>(Allocations() - before) / kRequests;
}

TEST_CASE("allocations are counted, with an alignment too") {
  struct alignas(64) Aligned {
    char bytes[64];
  };
  const int64_t before = Allocations();
  const auto plain = std::make_unique<int>();
  const auto array = std::make_unique<char[]>(100);
  const auto aligned = std::make_unique<Aligned>();
  CHECK(Allocations() - before == 3);
}

TEST_CASE("a prediction from the in-process cache allocates no more than it did") {
  WarmLine line(absl::InfiniteDuration());
  const int reads = line.source_reads();
  const double allocations = AllocationsPerRequest(line);
  std::cout << "in-process cache: " << allocations << " allocations per request\n";
  CHECK(line.source_reads() == reads);
  CHECK(allocations <= 6);
}

TEST_CASE("a prediction whose row is read from the source allocates no more than it did") {
  WarmLine line(absl::ZeroDuration());
  const int reads = line.source_reads();
  const double allocations = AllocationsPerRequest(line);
  std::cout << "source: " << allocations << " allocations per request\n";
  CHECK(line.source_reads() == reads + kRequests);
  CHECK(allocations <= 23);
}

}  // namespace
}  // namespace predictd::predict
