#include "server/rpc/loop_load.h"

#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::rpc {
namespace {

constexpr absl::Duration kWhile = absl::Milliseconds(100);

// A while in which the loop was idle for `idle` and sent 64 answers, every `per_change`-th to the
// second of two sockets.
bool FullAfter(absl::Duration idle, int per_change) {
  FakeClock clock;
  LoopLoad load(clock);
  load.Idle(idle);
  for (int i = 0; i < 64; ++i) load.Sent(per_change > 0 && i % per_change == 0 ? 8 : 7);
  clock.Advance(kWhile);
  return load.Full();
}

TEST_CASE("a loop is full that is busy half of the time with several connections") {
  CHECK(FullAfter(absl::Milliseconds(49), 2));
  CHECK(FullAfter(absl::Milliseconds(49), 10));
  CHECK_FALSE(FullAfter(absl::Milliseconds(51), 2));
}

TEST_CASE("a loop is not full with a single connection, however busy it is") {
  CHECK_FALSE(FullAfter(absl::ZeroDuration(), 0));
}

TEST_CASE("a call now and then on another connection fills no loop") {
  CHECK_FALSE(FullAfter(absl::ZeroDuration(), 32));
}

TEST_CASE("whether a loop is full is told at the end of a while, of that while alone") {
  FakeClock clock;
  LoopLoad load(clock);
  for (int i = 0; i < 64; ++i) load.Sent(i % 2);
  clock.Advance(kWhile / 2);
  CHECK_FALSE(load.Full());
  clock.Advance(kWhile / 2);
  CHECK(load.Full());
  clock.Advance(kWhile);
  CHECK_FALSE(load.Full());
}

}  // namespace
}  // namespace predictd::rpc
