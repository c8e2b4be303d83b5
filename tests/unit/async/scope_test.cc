#include "server/async/scope.h"

#include <memory>

#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd {
namespace {

Task<void> SleepThenCount(Loop& loop, absl::Duration duration, int& ended) {
  auto sleep = loop.Sleep(duration);
  co_await sleep;
  ++ended;
}

Task<void> CountWhenDone(Scope& scope, int& ended) {
  auto done = scope.Done();
  co_await done;
  ++ended;
}

struct Fixture {
  void Advance(absl::Duration step) {
    clock.Advance(step);
    loop.RunUntilIdle();
  }

  FakeClock clock;
  ManualLoop loop{clock};
  int ended = 0;
  Scope tasks;
  Scope waiter;
};

TEST_CASE("a scope that runs nothing is done at once") {
  Fixture fixture;
  fixture.waiter.Spawn(CountWhenDone(fixture.tasks, fixture.ended));
  CHECK(fixture.ended == 1);
}

TEST_CASE("a scope is done when its last task has ended") {
  Fixture fixture;
  int done = 0;
  fixture.tasks.Spawn(SleepThenCount(fixture.loop, absl::Seconds(2), fixture.ended));
  fixture.tasks.Spawn(SleepThenCount(fixture.loop, absl::Seconds(1), fixture.ended));
  CHECK(fixture.tasks.running() == 2);
  fixture.waiter.Spawn(CountWhenDone(fixture.tasks, done));
  fixture.Advance(absl::Seconds(1));
  CHECK(fixture.ended == 1);
  CHECK(fixture.tasks.running() == 1);
  CHECK(done == 0);
  fixture.Advance(absl::Seconds(1));
  CHECK(fixture.ended == 2);
  CHECK(fixture.tasks.running() == 0);
  CHECK(done == 1);
}

TEST_CASE("a task may spawn another into its own scope, which is waited for too") {
  Fixture fixture;
  int done = 0;
  fixture.tasks.Spawn([](Fixture& f) -> Task<void> {
    auto sleep = f.loop.Sleep(absl::Seconds(1));
    co_await sleep;
    f.tasks.Spawn(SleepThenCount(f.loop, absl::Seconds(1), f.ended));
  }(fixture));
  fixture.waiter.Spawn(CountWhenDone(fixture.tasks, done));
  fixture.Advance(absl::Seconds(1));
  CHECK(done == 0);
  fixture.Advance(absl::Seconds(1));
  CHECK(fixture.ended == 1);
  CHECK(done == 1);
}

TEST_CASE("a scope can be waited for again") {
  Fixture fixture;
  for (int round = 1; round <= 3; ++round) {
    int done = 0;
    fixture.tasks.Spawn(SleepThenCount(fixture.loop, absl::Seconds(1), fixture.ended));
    fixture.waiter.Spawn(CountWhenDone(fixture.tasks, done));
    fixture.Advance(absl::Seconds(1));
    CHECK(done == 1);
    CHECK(fixture.ended == round);
  }
}

TEST_CASE("whoever waits for a scope may destroy it") {
  Fixture fixture;
  auto owned = std::make_unique<Scope>();
  owned->Spawn(SleepThenCount(fixture.loop, absl::Seconds(1), fixture.ended));
  fixture.waiter.Spawn([](std::unique_ptr<Scope>& scope) -> Task<void> {
    auto done = scope->Done();
    co_await done;
    scope.reset();
  }(owned));
  fixture.Advance(absl::Seconds(1));
  CHECK(owned == nullptr);
  CHECK(fixture.ended == 1);
}

}  // namespace
}  // namespace predictd
