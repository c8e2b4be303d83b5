#include "server/rpc/adaptive_spin.h"

#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::rpc {
namespace {

class Rig {
 public:
  // Nothing to do for `pause`; returns whether the loop looked on before it ended.
  bool Pause(absl::Duration pause) {
    const bool looks = spin.LookAgain(false);
    clock.Advance(pause);
    if (looks) spin.LookAgain(false);
    spin.Found();
    return looks;
  }

  FakeClock clock;
  AdaptiveSpin spin{clock};
};

constexpr absl::Duration kShort = absl::Microseconds(60);
constexpr absl::Duration kLong = absl::Milliseconds(1);

TEST_CASE("a loop that has nothing to do sleeps at once") {
  Rig rig;
  CHECK_FALSE(rig.Pause(kLong));
  CHECK_FALSE(rig.Pause(kLong));
}

TEST_CASE("a loop whose last pause was short looks on, until this one is long") {
  Rig rig;
  rig.Pause(kShort);
  CHECK(rig.spin.LookAgain(false));
  rig.clock.Advance(absl::Microseconds(99));
  CHECK(rig.spin.LookAgain(false));
  rig.clock.Advance(absl::Microseconds(1));
  CHECK_FALSE(rig.spin.LookAgain(false));
  rig.clock.Advance(kLong);
  rig.spin.Found();
  CHECK_FALSE(rig.Pause(kShort));
  CHECK(rig.Pause(kShort));
}

TEST_CASE("an event of the same call ends no pause") {
  Rig rig;
  rig.Pause(absl::Microseconds(5));
  CHECK_FALSE(rig.Pause(kShort));
  rig.Pause(absl::Microseconds(5));
  CHECK(rig.Pause(kShort));
}

TEST_CASE("a loop that was told not to spin sleeps at once after short pauses too") {
  Rig rig;
  rig.Pause(kShort);
  CHECK(rig.Pause(kShort));
  rig.spin.Stop();
  CHECK_FALSE(rig.Pause(kShort));
}

TEST_CASE("what was done after the last look is no pause") {
  Rig rig;
  rig.Pause(kShort);
  REQUIRE(rig.spin.LookAgain(false));
  rig.clock.Advance(kShort);
  REQUIRE(rig.spin.LookAgain(false));
  rig.clock.Advance(kLong);
  CHECK(rig.spin.Found() == kShort);
  CHECK(rig.Pause(kShort));
}

TEST_CASE("while an answer is under way a loop looks 30 times, soon letting others run") {
  Rig rig;
  int looks = 0;
  int alone = 0;
  while (rig.spin.LookAgain(true)) {
    ++looks;
    alone += rig.spin.LetOthersRun() ? 0 : 1;
  }
  CHECK(looks == 30);
  CHECK(alone == 3);
}

}  // namespace
}  // namespace predictd::rpc
