#include "server/async/pulse.h"

#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd {
namespace {

TEST_CASE("a loop that does not run its work for ten seconds is named, until it does") {
  FakeClock clock;
  ManualLoop first(clock);
  ManualLoop second(clock);
  Pulse pulse({&first, &second}, clock);
  CHECK(pulse.Check().empty());
  first.RunUntilIdle();
  clock.Advance(absl::Milliseconds(9999));
  CHECK(pulse.Check().empty());
  first.RunUntilIdle();
  clock.Advance(absl::Milliseconds(2500));
  CHECK(pulse.Check() == "event loop 1 has not answered for 12s");
  second.RunUntilIdle();
  CHECK(pulse.Check().empty());
}

TEST_CASE("nobody has to ask for long: only an unanswered question counts") {
  FakeClock clock;
  ManualLoop loop(clock);
  Pulse pulse({&loop}, clock);
  CHECK(pulse.Check().empty());
  loop.RunUntilIdle();
  clock.Advance(absl::Hours(1));
  CHECK(pulse.Check().empty());
  CHECK(pulse.Check().empty());
}

TEST_CASE("a loop has one piece of work, however often is asked") {
  FakeClock clock;
  ManualLoop loop(clock);
  Pulse pulse({&loop}, clock);
  REQUIRE(loop.PrepareSleep());
  for (int i = 0; i < 3; ++i) pulse.Check();
  CHECK(loop.wakes() == 1);
  CHECK(loop.RunTurn());
  CHECK_FALSE(loop.RunTurn());
}

}  // namespace
}  // namespace predictd
