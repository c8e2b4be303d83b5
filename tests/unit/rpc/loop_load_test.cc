#include "server/rpc/loop_load.h"

#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::rpc {
namespace {

constexpr absl::Duration kWhile = absl::Milliseconds(100);

// A while with so many pieces of work and `idle` between them, and so many answers to each of two
// sockets, one after the other.
bool FullAfter(absl::Duration idle, int pieces, int first, int second) {
  FakeClock clock;
  LoopLoad load(clock);
  for (int i = 0; i < pieces; ++i) load.Begin(idle / pieces);
  for (int i = 0; i < first; ++i) load.Sent(7);
  for (int i = 0; i < second; ++i) load.Sent(8);
  clock.Advance(kWhile);
  return load.Full();
}

TEST_CASE("a loop is full that works nearly without a pause for several connections") {
  CHECK(FullAfter(absl::Milliseconds(9), 50, 1000, 1000));
  CHECK(FullAfter(absl::Milliseconds(9), 50, 1600, 400));
  CHECK(FullAfter(absl::Milliseconds(9), 50, 400, 1600));
  CHECK_FALSE(FullAfter(absl::Milliseconds(11), 50, 1000, 1000));
}

TEST_CASE("a loop is not full whose pieces of work are shorter than 0.2 ms") {
  CHECK_FALSE(FullAfter(absl::Milliseconds(1), 520, 1000, 1000));
}

TEST_CASE("a loop is full whose answers take it more than 0.1 ms each, of one connection too") {
  CHECK(FullAfter(absl::Milliseconds(1), 520, 900, 0));
  CHECK_FALSE(FullAfter(absl::Milliseconds(1), 520, 1000, 0));
  CHECK_FALSE(FullAfter(absl::Milliseconds(15), 520, 500, 0));
}

TEST_CASE("a loop is not full with light calls of a single connection, however busy it is") {
  CHECK_FALSE(FullAfter(absl::Milliseconds(1), 10, 2000, 0));
}

TEST_CASE("a call now and then on another connection fills no loop") {
  CHECK_FALSE(FullAfter(absl::Milliseconds(1), 10, 1800, 200));
}

TEST_CASE("whether a loop is full is told at the end of a while, of that while alone") {
  FakeClock clock;
  LoopLoad load(clock);
  for (int i = 0; i < 2000; ++i) load.Sent(i % 2);
  clock.Advance(kWhile / 2);
  CHECK_FALSE(load.Full());
  clock.Advance(kWhile / 2);
  CHECK(load.Full());
  clock.Advance(kWhile);
  CHECK_FALSE(load.Full());
}

}  // namespace
}  // namespace predictd::rpc
