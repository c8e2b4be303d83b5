#include "server/features/single_flight.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/running_loop.h"
#include "tests/unit/features/fakes.h"

namespace predictd::features {
namespace {

using Landing = SingleFlight::Landing;

FeatureRow RowOf(float value) {
  FeatureRow row;
  row.values = {value};
  return row;
}

// One loop, its callers and what they read.
struct Caller {
  explicit Caller(SingleFlight& table) : flights(table) {}

  Task<SingleFlight::Result> ReadRow() {
    ++reads;
    const float value = static_cast<float>(reads);
    auto pass = gate.Pass();
    co_await pass;
    if (!error.ok()) co_return error;
    co_return RowOf(value);
  }
  Task<Landing> Join(std::string key, absl::Time deadline) {
    auto read = [this] { return ReadRow(); };
    auto joined = flights.Join(loop, flying, key, deadline, read);
    Landing landing = co_await joined;
    co_return landing;
  }
  auto Call(std::string key, absl::Time deadline = absl::InfiniteFuture()) {
    return Start(callers, Join(std::move(key), deadline));
  }

  SingleFlight& flights;
  FakeClock clock;
  ManualLoop loop{clock};
  Gate gate{loop};
  absl::Status error;
  int reads = 0;
  Scope flying;
  Scope callers;
};

TEST_CASE("a thousand callers of one key make one read") {
  SingleFlight flights;
  Caller caller(flights);
  caller.gate.Close();
  std::vector<decltype(caller.Call(""))> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(caller.Call("ann"));
  caller.loop.RunUntilIdle();
  CHECK(caller.reads == 1);
  CHECK(flights.size() == 1);
  caller.gate.Open();
  caller.loop.RunUntilIdle();
  int started = 0;
  for (const auto& call : calls) {
    REQUIRE(call->has_value());
    REQUIRE((*call)->result.ok());
    CHECK((*call)->result->values == FeatureValues{1.0f});
    started += (*call)->started;
  }
  CHECK(started == 1);
  CHECK(flights.size() == 0);
}

TEST_CASE("different keys are different reads, and so are reads one after the other") {
  SingleFlight flights;
  Caller caller(flights);
  caller.Call("ann");
  caller.Call("bob");
  caller.loop.RunUntilIdle();
  CHECK(caller.reads == 2);
  const auto again = caller.Call("ann");
  caller.loop.RunUntilIdle();
  CHECK(caller.reads == 3);
  CHECK((*again)->result->values == FeatureValues{3.0f});
}

TEST_CASE("a read that answers at once still resumes its caller later, not within the call") {
  SingleFlight flights;
  Caller caller(flights);
  const auto call = caller.Call("ann");
  CHECK_FALSE(call->has_value());
  caller.loop.RunUntilIdle();
  CHECK(call->has_value());
}

TEST_CASE("the caller who started a read gives up, the others get the row") {
  SingleFlight flights;
  Caller caller(flights);
  caller.gate.Close();
  const auto first = caller.Call("ann", caller.clock.Now() + absl::Milliseconds(10));
  const auto second = caller.Call("ann");
  const auto third = caller.Call("ann", caller.clock.Now() + absl::Milliseconds(20));
  caller.clock.Advance(absl::Milliseconds(10));
  caller.loop.RunUntilIdle();
  REQUIRE(first->has_value());
  CHECK(absl::IsDeadlineExceeded((*first)->result.status()));
  CHECK_FALSE(second->has_value());
  CHECK_FALSE(third->has_value());
  caller.gate.Open();
  caller.loop.RunUntilIdle();
  CHECK((*second)->result.ok());
  CHECK((*third)->result.ok());
  CHECK(caller.reads == 1);
  CHECK(caller.loop.NextTimer() == absl::InfiniteFuture());
}

TEST_CASE("callers give up in any order") {
  SingleFlight flights;
  Caller caller(flights);
  caller.gate.Close();
  const absl::Time now = caller.clock.Now();
  std::vector<decltype(caller.Call(""))> calls;
  for (const int millis : {3, 1, 4, 2, 5}) {
    calls.push_back(caller.Call("ann", now + absl::Milliseconds(millis)));
  }
  for (int gone = 1; gone <= 5; ++gone) {
    caller.clock.Advance(absl::Milliseconds(1));
    caller.loop.RunUntilIdle();
    int answered = 0;
    for (const auto& call : calls) answered += call->has_value();
    CHECK(answered == gone);
  }
  // The read goes on without anybody, and whoever comes now joins it.
  const auto late = caller.Call("ann");
  caller.gate.Open();
  caller.loop.RunUntilIdle();
  CHECK((*late)->result->values == FeatureValues{1.0f});
  CHECK_FALSE((*late)->started);
  CHECK(flights.size() == 0);
}

TEST_CASE("a failed read fails all who wait, and the next caller reads again") {
  SingleFlight flights;
  Caller caller(flights);
  caller.gate.Close();
  caller.error = absl::UnavailableError("gone");
  const auto first = caller.Call("ann");
  const auto second = caller.Call("ann");
  caller.gate.Open();
  caller.loop.RunUntilIdle();
  CHECK(absl::IsUnavailable((*first)->result.status()));
  CHECK(absl::IsUnavailable((*second)->result.status()));
  caller.error = absl::OkStatus();
  const auto third = caller.Call("ann");
  caller.loop.RunUntilIdle();
  CHECK((*third)->result.ok());
}

TEST_CASE("a caller on another loop is posted there, once") {
  SingleFlight flights;
  Caller here(flights);
  Caller there(flights);
  here.gate.Close();
  const auto first = here.Call("ann");
  const auto second = there.Call("ann");
  CHECK(there.loop.PrepareSleep());
  here.gate.Open();
  here.loop.RunUntilIdle();
  CHECK(first->has_value());
  CHECK_FALSE(second->has_value());
  CHECK(there.loop.wakes() == 1);
  there.loop.RunUntilIdle();
  REQUIRE(second->has_value());
  CHECK((*second)->result->values == FeatureValues{1.0f});
  CHECK(there.reads == 0);
}

TEST_CASE("a caller whose row is on its way when its deadline comes gets the row, once") {
  SingleFlight flights;
  Caller here(flights);
  Caller there(flights);
  here.gate.Close();
  here.Call("ann");
  const auto call = there.Call("ann", there.clock.Now() + absl::Milliseconds(10));
  here.gate.Open();
  here.loop.RunUntilIdle();
  // Posted but not yet run.
  there.clock.Advance(absl::Milliseconds(10));
  there.loop.RunUntilIdle();
  REQUIRE(call->has_value());
  CHECK((*call)->result.ok());
  CHECK(there.loop.NextTimer() == absl::InfiniteFuture());
}

TEST_CASE("a caller whose deadline came first is not resumed by the row") {
  SingleFlight flights;
  Caller here(flights);
  Caller there(flights);
  here.gate.Close();
  here.Call("ann");
  const auto call = there.Call("ann", there.clock.Now() + absl::Milliseconds(10));
  there.clock.Advance(absl::Milliseconds(10));
  there.loop.RunTurn();
  here.gate.Open();
  here.loop.RunUntilIdle();
  there.loop.RunUntilIdle();
  REQUIRE(call->has_value());
  CHECK(absl::IsDeadlineExceeded((*call)->result.status()));
}

// Callers of a few keys on loops with real threads, with deadlines about as long as the reads.
struct Client {
  Client(SingleFlight& table, Clock& clock) : flights(table), loop(clock) {}

  Task<SingleFlight::Result> ReadRow(float value) {
    ++reads;
    auto sleep = loop.Sleep(absl::Microseconds(200));
    co_await sleep;
    co_return RowOf(value);
  }
  Task<void> Call(int number) {
    const int user = number / 4 % 8;
    const std::string key = absl::StrCat("user", user);
    const absl::Time deadline = number % 3 == 0
                                    ? absl::InfiniteFuture()
                                    : loop.Now() + absl::Microseconds(number * 37 % 400);
    auto read = [&] { return ReadRow(static_cast<float>(user)); };
    auto joined = flights.Join(loop, flying, key, deadline, read);
    const Landing landing = co_await joined;
    if (landing.result.ok()) {
      ++(landing.result->values == FeatureValues{static_cast<float>(user)} ? right : wrong);
    } else {
      ++(absl::IsDeadlineExceeded(landing.result.status()) ? timed_out : wrong);
    }
  }
  Task<void> CallMany(int calls) {
    for (int i = 0; i < calls; ++i) {
      callers.Spawn(Call(i));
      if (i % 16 != 15) continue;
      auto sleep = loop.Sleep(absl::Microseconds(50));
      co_await sleep;
    }
    auto called = callers.Done();
    co_await called;
    auto landed = flying.Done();
    co_await landed;
    done = true;
  }

  SingleFlight& flights;
  Scope flying;
  Scope callers;
  Scope all;
  int reads = 0;
  int right = 0;
  int wrong = 0;
  int timed_out = 0;
  std::atomic<bool> done{false};
  // Last member: its thread uses the others.
  RunningLoop loop;
};

TEST_CASE("every caller on every loop is answered exactly once, with its own row or its deadline") {
  constexpr int kCalls = 6000;
  SystemClock clock;
  SingleFlight flights;
  Client clients[] = {{flights, clock}, {flights, clock}, {flights, clock}};
  for (Client& client : clients) {
    client.loop.PostFunction([&] { client.all.Spawn(client.CallMany(kCalls)); });
  }
  for (Client& client : clients) {
    while (!client.done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  int reads = 0;
  for (Client& client : clients) {
    CHECK(client.right + client.timed_out == kCalls);
    CHECK(client.right >= kCalls / 3);
    CHECK(client.wrong == 0);
    reads += client.reads;
  }
  CHECK(reads < 3 * kCalls);
  CHECK(flights.size() == 0);
}

}  // namespace
}  // namespace predictd::features
