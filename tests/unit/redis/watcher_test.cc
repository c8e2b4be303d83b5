#include "server/async/watcher.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "server/base/clock.h"
#include "tests/catch.h"
#include "tests/fakes/sleeping_loop.h"

namespace predictd {
namespace {

class SocketPair {
 public:
  SocketPair() { ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()); }
  ~SocketPair() {
    CloseOther();
    ::close(ends_[0]);
  }
  int ours() const { return ends_[0]; }
  void Say() const { REQUIRE(::send(ends_[1], "x", 1, 0) == 1); }
  void CloseOther() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

struct Sleeper {
  Sleeper() { loop.set_longest_sleep(absl::Seconds(20)); }
  // What a loop that sleeps sees if nothing wakes it.
  bool SleepBriefly() {
    loop.set_longest_sleep(absl::Milliseconds(30));
    const bool woken = loop.SleepOnce();
    loop.set_longest_sleep(absl::Seconds(20));
    return woken;
  }

  SystemClock clock;
  SleepingLoop loop{clock};
  Watcher watcher;
  std::atomic<bool> fired{false};
};

TEST_CASE("a sleeping loop is woken when its socket becomes readable") {
  Sleeper sleeper;
  SocketPair pair;
  sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
  std::thread other([&pair] { pair.Say(); });
  sleeper.loop.SleepOnce();
  other.join();
  CHECK(sleeper.loop.RunUntil([&] { return sleeper.fired.load(); }));
  sleeper.watcher.Forget(pair.ours());
}

TEST_CASE("a socket is watched once, until it is asked for again") {
  Sleeper sleeper;
  SocketPair pair;
  pair.Say();
  sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
  while (!sleeper.fired) std::this_thread::yield();
  sleeper.fired = false;
  pair.Say();
  CHECK_FALSE(sleeper.SleepBriefly());
  CHECK_FALSE(sleeper.fired.load());

  sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
  while (!sleeper.fired) std::this_thread::yield();
  sleeper.watcher.Forget(pair.ours());
}

TEST_CASE("a writable socket fires only where that is asked for") {
  Sleeper sleeper;
  SocketPair pair;
  sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
  CHECK_FALSE(sleeper.SleepBriefly());
  sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kWritable, sleeper.loop, &sleeper.fired);
  while (!sleeper.fired) std::this_thread::yield();
  sleeper.watcher.Forget(pair.ours());
}

TEST_CASE("a closed socket wakes a loop that does not care for what can be read") {
  Sleeper sleeper;
  SocketPair pair;
  sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kClosed, sleeper.loop, &sleeper.fired);
  pair.Say();
  CHECK_FALSE(sleeper.SleepBriefly());
  CHECK_FALSE(sleeper.fired.load());
  pair.CloseOther();
  while (!sleeper.fired) std::this_thread::yield();
  sleeper.watcher.Forget(pair.ours());
}

TEST_CASE("a forgotten socket is silent, and its number can be used again") {
  Sleeper sleeper;
  {
    SocketPair pair;
    sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
    sleeper.watcher.Forget(pair.ours());
    pair.Say();
    CHECK_FALSE(sleeper.SleepBriefly());
    sleeper.watcher.NudgeOnce(pair.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
    while (!sleeper.fired) std::this_thread::yield();
    // Closed without Forget.
  }
  SocketPair next;
  sleeper.fired = false;
  sleeper.watcher.NudgeOnce(next.ours(), Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
  next.Say();
  while (!sleeper.fired) std::this_thread::yield();
  sleeper.watcher.Forget(next.ours());
}

TEST_CASE("a socket that cannot be watched makes the loop look for itself") {
  Sleeper sleeper;
  sleeper.watcher.NudgeOnce(-1, Watcher::Event::kReadable, sleeper.loop, &sleeper.fired);
  CHECK(sleeper.fired.load());
}

// Arms its socket right before the loop sleeps, and takes so long about it that the answer comes in
// between.
class SlowStep : public TurnStep {
 public:
  SlowStep(Sleeper& sleeper, SocketPair& pair) : sleeper_(sleeper), pair_(pair) {}
  bool Turn() override { return false; }
  void BeforeSleep() override {
    sleeper_.watcher.NudgeOnce(pair_.ours(), Watcher::Event::kReadable, sleeper_.loop,
                               &sleeper_.fired);
    pair_.Say();
    while (!sleeper_.fired) std::this_thread::yield();
    // The nudge follows the flag within an instant.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

 private:
  Sleeper& sleeper_;
  SocketPair& pair_;
};

TEST_CASE("an answer that comes while the loop is about to sleep still wakes it") {
  Sleeper sleeper;
  SocketPair pair;
  SlowStep step(sleeper, pair);
  sleeper.loop.AddStep(step);
  CHECK(sleeper.SleepBriefly());
  sleeper.watcher.Forget(pair.ours());
}

}  // namespace
}  // namespace predictd
