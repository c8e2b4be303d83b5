#include "server/async/loop.h"

#include <string>
#include <thread>
#include <vector>

#include "server/async/scope.h"
#include "server/async/task.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd {
namespace {

using Names = std::vector<std::string>;

class Recorder final : public Work, public Timer {
 public:
  Recorder(std::string name, Names& log) : name_(std::move(name)), log_(log) {}
  void Run() override { log_.push_back(name_); }
  void Expired() override { log_.push_back(name_); }

 private:
  const std::string name_;
  Names& log_;
};

struct Fixture {
  FakeClock clock;
  ManualLoop loop{clock};
  Names log;
  Recorder a{"a", log};
  Recorder b{"b", log};
  Recorder c{"c", log};
};

TEST_CASE("timers run in the order of their times, none early") {
  Fixture f;
  const absl::Time now = f.clock.Now();
  f.loop.Start(f.a, now + absl::Seconds(3));
  f.loop.Start(f.b, now + absl::Seconds(1));
  f.loop.Start(f.c, now + absl::Seconds(2));
  CHECK(f.loop.NextTimer() == now + absl::Seconds(1));
  f.clock.Advance(absl::Seconds(1) - absl::Nanoseconds(1));
  f.loop.RunUntilIdle();
  CHECK(f.log.empty());
  f.clock.Advance(absl::Nanoseconds(1));
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"b"});
  CHECK_FALSE(f.b.running());
  f.clock.Advance(absl::Hours(1));
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"b", "c", "a"});
  CHECK(f.loop.NextTimer() == absl::InfiniteFuture());
}

TEST_CASE("timers of the same time all run") {
  Fixture f;
  const absl::Time when = f.clock.Now() + absl::Seconds(1);
  for (Recorder* timer : {&f.a, &f.b, &f.c}) f.loop.Start(*timer, when);
  f.clock.Advance(absl::Seconds(1));
  f.loop.RunUntilIdle();
  CHECK(f.log.size() == 3);
}

TEST_CASE("a stopped timer does not run, a restarted one runs at its new time only") {
  Fixture f;
  const absl::Time now = f.clock.Now();
  f.loop.Start(f.a, now + absl::Seconds(1));
  f.loop.Start(f.b, now + absl::Seconds(1));
  f.loop.Stop(f.a);
  f.loop.Stop(f.a);
  CHECK_FALSE(f.a.running());
  f.loop.Start(f.b, now + absl::Seconds(2));
  f.clock.Advance(absl::Seconds(1));
  f.loop.RunUntilIdle();
  CHECK(f.log.empty());
  f.clock.Advance(absl::Seconds(1));
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"b"});
}

TEST_CASE("a timer for the infinite future never runs") {
  Fixture f;
  f.loop.Start(f.a, absl::InfiniteFuture());
  CHECK_FALSE(f.a.running());
  CHECK(f.loop.NextTimer() == absl::InfiniteFuture());
}

TEST_CASE("posted work runs in order, in the next turn") {
  Fixture f;
  f.loop.Post(f.a);
  f.loop.Post(f.b);
  f.loop.PostFunction([&] { f.log.push_back("function"); });
  CHECK(f.log.empty());
  CHECK(f.loop.RunTurn());
  CHECK(f.log == Names{"a", "b", "function"});
  CHECK_FALSE(f.loop.RunTurn());
}

TEST_CASE("a sleeping loop is woken once, however much is posted") {
  Fixture f;
  f.loop.Post(f.a);
  CHECK_FALSE(f.loop.PrepareSleep());
  CHECK(f.loop.wakes() == 0);
  f.loop.RunUntilIdle();

  CHECK(f.loop.PrepareSleep());
  f.loop.Post(f.a);
  f.loop.Post(f.b);
  f.loop.Nudge();
  CHECK(f.loop.wakes() == 1);
  f.loop.RunUntilIdle();
  f.loop.Post(f.c);
  CHECK(f.loop.wakes() == 1);
}

TEST_CASE("a nudge wakes a sleeping loop and no other") {
  Fixture f;
  f.loop.Nudge();
  CHECK(f.loop.wakes() == 0);
  f.loop.RunUntilIdle();
  CHECK(f.loop.PrepareSleep());
  f.loop.Nudge();
  f.loop.Nudge();
  CHECK(f.loop.wakes() == 1);
}

TEST_CASE("a nudge that comes while the loop falls asleep is not lost") {
  Fixture f;
  class Armed final : public TurnStep {
   public:
    explicit Armed(Loop& loop) : loop_(loop) {}
    bool Turn() override { return false; }
    void BeforeSleep() override { loop_.Nudge(); }

   private:
    Loop& loop_;
  } armed(f.loop);
  f.loop.AddStep(armed);
  const bool sleeps = f.loop.PrepareSleep();
  CHECK((!sleeps || f.loop.wakes() == 1));
}

TEST_CASE("a loop with work to do does not sleep") {
  Fixture f;
  f.loop.Ready(f.a);
  CHECK_FALSE(f.loop.PrepareSleep());
}

TEST_CASE("what is made ready never runs within the call") {
  Fixture f;
  class Chain final : public Work {
   public:
    explicit Chain(Fixture& fixture) : f_(fixture) {}
    void Run() override {
      f_.loop.Ready(f_.a);
      f_.log.push_back("chain");
    }

   private:
    Fixture& f_;
  } chain(f);
  f.loop.Ready(chain);
  CHECK(f.log.empty());
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"chain", "a"});
}

TEST_CASE("work that makes itself ready for ever does not keep a turn from ending") {
  Fixture f;
  class Forever final : public Work {
   public:
    explicit Forever(Loop& loop) : loop_(loop) {}
    void Run() override {
      ++runs;
      loop_.Ready(*this);
    }
    int runs = 0;

   private:
    Loop& loop_;
  } forever(f.loop);
  f.loop.Ready(forever);
  CHECK(f.loop.RunTurn());
  const int first = forever.runs;
  CHECK(first > 0);
  CHECK(f.loop.RunTurn());
  CHECK(forever.runs == 2 * first);
}

TEST_CASE("each step has its turn, and what it makes ready runs before the next step") {
  Fixture f;
  class Step : public TurnStep {
   public:
    Step(std::string name, Recorder& made, Fixture& fixture)
        : name_(std::move(name)), made_(made), f_(fixture) {}
    bool Turn() override {
      if (turned_) return false;
      turned_ = true;
      f_.log.push_back(name_);
      f_.loop.Ready(made_);
      return true;
    }
    void BeforeSleep() override { f_.log.push_back("sleep"); }

   private:
    const std::string name_;
    Recorder& made_;
    Fixture& f_;
    bool turned_ = false;
  };
  Step first("first", f.a, f);
  Step second("second", f.b, f);
  f.loop.AddStep(first);
  f.loop.AddStep(second);
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"first", "a", "second", "b"});
  CHECK(f.loop.PrepareSleep());
  CHECK(f.log.size() == 6);
}

TEST_CASE("a coroutine sleeps until its time, and others run meanwhile") {
  Fixture f;
  Scope scope;
  auto sleeper = [](Loop& loop, absl::Duration duration, std::string name,
                    Names& log) -> Task<void> {
    auto sleep = loop.Sleep(duration);
    co_await sleep;
    log.push_back(name);
  };
  scope.Spawn(sleeper(f.loop, absl::Seconds(2), "late", f.log));
  scope.Spawn(sleeper(f.loop, absl::Seconds(1), "early", f.log));
  scope.Spawn(sleeper(f.loop, absl::ZeroDuration(), "now", f.log));
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"now"});
  f.clock.Advance(absl::Seconds(5));
  f.loop.RunUntilIdle();
  CHECK(f.log == Names{"now", "early", "late"});
}

TEST_CASE("nothing that threads post is lost") {
  FakeClock clock;
  ManualLoop loop(clock);
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  int ran = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kPosts; ++i) loop.PostFunction([&] { ++ran; });
    });
  }
  while (ran < kThreads * kPosts) {
    if (!loop.RunTurn()) loop.PrepareSleep();
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ran == kThreads * kPosts);
}

}  // namespace
}  // namespace predictd
