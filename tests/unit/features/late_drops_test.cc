#include "server/features/late_drops.h"

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::features {
namespace {

TEST_CASE("users beyond the bound are not remembered, which is said once per outage") {
  const CapturedLog log;
  FakeClock clock;
  ManualLoop loop(clock);
  Scope scope;
  constexpr int kMost = LateDrops::kMostUsers;
  int dropped = 0;
  LateDrops drops(loop, scope, [&](std::string) -> Task<bool> {
    ++dropped;
    co_return true;
  });
  for (int outage = 1; outage <= 2; ++outage) {
    for (int i = 0; i < kMost + 5; ++i) drops.Add(absl::StrCat(i));
    CHECK(dropped == (outage - 1) * kMost);
    CHECK(log.Count("more rows were written than are remembered") == outage);
    clock.Advance(absl::Seconds(1));
    loop.RunUntilIdle();
    CHECK(dropped == outage * kMost);
  }
}

}  // namespace
}  // namespace predictd::features
