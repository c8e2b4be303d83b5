#include "server/rpc/call.h"

#include "tests/catch.h"

namespace predictd::rpc {
namespace {

TEST_CASE("a deadline is as far away as gRPC says, be it centuries, passed or none") {
  const gpr_timespec now = gpr_now(GPR_CLOCK_REALTIME);
  const auto until = [&](int64_t seconds) {
    gpr_timespec deadline = now;
    deadline.tv_sec += seconds;
    return TimeUntil(deadline);
  };
  const absl::Duration stall = absl::Seconds(60);
  // The longest that grpc-timeout can say: 99,999,999 hours.
  const absl::Duration longest = absl::Hours(99999999);
  CHECK(until(int64_t{99999999} * 3600) <= longest);
  CHECK(until(int64_t{99999999} * 3600) > longest - stall);
  CHECK(until(-10) <= absl::Seconds(-10));
  CHECK(until(-10) > absl::Seconds(-10) - stall);
  CHECK(TimeUntil(gpr_inf_future(GPR_CLOCK_REALTIME)) == absl::InfiniteDuration());
}

}  // namespace
}  // namespace predictd::rpc
