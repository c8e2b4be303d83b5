// Runs one task to its end on a test's loop.
#ifndef PREDICTD_TESTS_UNIT_SQL_AWAIT_H_
#define PREDICTD_TESTS_UNIT_SQL_AWAIT_H_

#include <optional>
#include <utility>

#include "server/async/scope.h"
#include "server/async/task.h"
#include "tests/catch.h"
#include "tests/fakes/sleeping_loop.h"

namespace predictd {

template <typename T>
Task<void> KeepResult(Task<T> task, std::optional<T>& result) {
  T value = co_await std::move(task);
  result.emplace(std::move(value));
}

template <typename T>
T Await(SleepingLoop& loop, Task<T> task) {
  std::optional<T> result;
  Scope scope;
  scope.Spawn(KeepResult(std::move(task), result));
  REQUIRE(loop.RunUntil([&] { return scope.running() == 0; }));
  return *std::move(result);
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_SQL_AWAIT_H_
