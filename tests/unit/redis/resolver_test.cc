#include "server/redis/resolver.h"

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "server/base/clock.h"
#include "tests/catch.h"
#include "tests/fakes/sleeping_loop.h"

namespace predictd::redis {
namespace {

TEST_CASE("numbers need no look-up") {
  CHECK(NumericEndpoint("127.0.0.1", 6379).has_value());
  CHECK(NumericEndpoint("::1", 6379).has_value());
  CHECK_FALSE(NumericEndpoint("localhost", 6379).has_value());
  CHECK_FALSE(NumericEndpoint("", 6379).has_value());
}

TEST_CASE("a path that fits no socket address has no endpoint") {
  CHECK(UnixEndpoint("/tmp/s").has_value());
  CHECK_FALSE(UnixEndpoint("/" + std::string(107, 'x')).has_value());
}

TEST_CASE("a name is looked up and answered on the loop that asked") {
  SystemClock clock;
  SleepingLoop loop(clock);
  Resolver resolver;
  bool found = false;
  resolver.Resolve("localhost", 6379, loop,
                   [&](Resolver::Answer answer) { found = answer.ok() && !answer->empty(); });
  CHECK(loop.RunUntil([&] { return found; }));
}

TEST_CASE("an error of the look-up is the answer") {
  SystemClock clock;
  SleepingLoop loop(clock);
  Resolver resolver([](const std::string& host, int) -> Resolver::Answer {
    return absl::UnavailableError("no such host " + host);
  });
  absl::Status status;
  resolver.Resolve("cache", 6379, loop, [&](Resolver::Answer answer) { status = answer.status(); });
  REQUIRE(loop.RunUntil([&] { return !status.ok(); }));
  CHECK(status == absl::UnavailableError("no such host cache"));
}

TEST_CASE("requests for one name share a look-up, and others get their own") {
  SystemClock clock;
  SleepingLoop loop(clock);
  std::atomic<int> look_ups{0};
  absl::Notification go_on;
  Resolver resolver([&](const std::string& host, int) -> Resolver::Answer {
    go_on.WaitForNotification();
    ++look_ups;
    return absl::UnavailableError(host);
  });
  int first = 0;
  int second = 0;
  for (int i = 0; i < 5; ++i) {
    resolver.Resolve("first", 1, loop, [&](Resolver::Answer answer) {
      if (answer.status().message() == "first") ++first;
    });
  }
  resolver.Resolve("second", 1, loop, [&](Resolver::Answer answer) {
    if (answer.status().message() == "second") ++second;
  });
  go_on.Notify();
  CHECK(loop.RunUntil([&] { return first == 5 && second == 1; }));
  CHECK(look_ups == 2);
}

TEST_CASE("a look-up that hangs does not hold up the end") {
  SystemClock clock;
  SleepingLoop loop(clock);
  // Shared, because the look-up outlives this test.
  auto end = std::make_shared<absl::Notification>();
  auto started = std::make_shared<absl::Notification>();
  bool answered = false;
  {
    Resolver resolver([end, started](const std::string&, int) -> Resolver::Answer {
      started->Notify();
      end->WaitForNotification();
      return absl::UnavailableError("too late");
    });
    resolver.Resolve("cache", 1, loop, [&](Resolver::Answer) { answered = true; });
    started->WaitForNotification();
  }
  end->Notify();
  loop.RunFor(absl::Milliseconds(20));
  CHECK_FALSE(answered);
}

}  // namespace
}  // namespace predictd::redis
