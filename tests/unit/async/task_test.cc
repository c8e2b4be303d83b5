#include "server/async/task.h"

#include <memory>
#include <string>
#include <vector>

#include "server/async/scope.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd {
namespace {

Task<int> Seven() { co_return 7; }

Task<int> Twice(Task<int> number) {
  const int value = co_await std::move(number);
  co_return 2 * value;
}

Task<std::unique_ptr<int>> Boxed(int value) { co_return std::make_unique<int>(value); }

// Counts frames that are alive.
struct Count {
  explicit Count(int& alive) : alive_(alive) { ++alive_; }
  Count(Count&& other) noexcept : Count(other.alive_) {}
  ~Count() { --alive_; }
  int& alive_;
};

Task<int> Counted(Count count) { co_return count.alive_; }

Task<int> Down(int depth) {
  if (depth == 0) co_return 0;
  Task<int> deeper = Down(depth - 1);
  const int below = co_await std::move(deeper);
  co_return below + 1;
}

TEST_CASE("a task starts when it is awaited, not before") {
  bool started = false;
  auto start = [](bool& out) -> Task<void> {
    out = true;
    co_return;
  };
  Task<void> task = start(started);
  CHECK_FALSE(started);
  Scope scope;
  scope.Spawn(std::move(task));
  CHECK(started);
}

TEST_CASE("values come back through every level") {
  Scope scope;
  int result = 0;
  scope.Spawn([](int& out) -> Task<void> {
    Task<int> twice = Twice(Seven());
    out = co_await std::move(twice);
  }(result));
  CHECK(result == 14);
}

TEST_CASE("a result that can only be moved is moved") {
  Scope scope;
  std::unique_ptr<int> result;
  scope.Spawn([](std::unique_ptr<int>& out) -> Task<void> {
    Task<std::unique_ptr<int>> boxed = Boxed(5);
    out = co_await std::move(boxed);
  }(result));
  REQUIRE(result != nullptr);
  CHECK(*result == 5);
}

TEST_CASE("a task that is never awaited gives its frame back") {
  int alive = 0;
  {
    Task<int> task = Counted(Count(alive));
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("a finished task keeps what it holds until it is destroyed, and no longer") {
  int alive = 0;
  Scope scope;
  int during = 0;
  scope.Spawn([](int& counter, int& out) -> Task<void> {
    Task<int> task = Counted(Count(counter));
    out = co_await std::move(task);
  }(alive, during));
  CHECK(during == 1);
  CHECK(alive == 0);
}

TEST_CASE("tasks may await each other to any reasonable depth") {
  Scope scope;
  int depth = 0;
  scope.Spawn([](int& out) -> Task<void> {
    Task<int> down = Down(1000);
    out = co_await std::move(down);
  }(depth));
  CHECK(depth == 1000);
}

}  // namespace
}  // namespace predictd
