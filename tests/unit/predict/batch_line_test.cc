#include "server/predict/batch_line.h"

#include <string>
#include <vector>

#include "prometheus/gauge.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::predict {
namespace {

struct LineTest {
  explicit LineTest(int max_queue = 100000) : queue(max_queue, gauge) {}

  // One batch: waits for its turn, begins all its rows at once, and is answered when the test says.
  Task<void> Batch(std::string name, int rows) {
    BatchLine::Place place(line, rows);
    co_await place;
    while (line.Room(queue, rows) == 0) co_await line.NextAnswered();
    place.Leave(rows);
    begun.push_back(std::move(name));
  }
  void Come(std::string name, int rows) { scope.Spawn(Batch(std::move(name), rows)); }
  void Answer(int rows) {
    line.Answered(rows);
    loop.RunUntilIdle();
  }

  FakeClock clock;
  ManualLoop loop{clock};
  BatchLine line{loop};
  prometheus::Gauge gauge;
  batching::QueueLimit queue;
  std::vector<std::string> begun;
  Scope scope;
};

using Names = std::vector<std::string>;

TEST_CASE("batches begin in the order in which they came, as many as may be under way at once") {
  LineTest test;
  for (const char* name : {"a", "b", "c", "d"}) test.Come(name, 500);
  test.loop.RunUntilIdle();
  CHECK(test.begun == Names{"a", "b"});
  CHECK(test.line.rows() == 1000);
  test.Answer(500);
  CHECK(test.begun == Names{"a", "b", "c"});
  test.Answer(500);
  CHECK(test.begun == Names{"a", "b", "c", "d"});
  CHECK(test.line.rows() == 0);
}

TEST_CASE("half of a model's queue is left to other calls") {
  LineTest test(/*max_queue=*/100);
  CHECK(test.line.Room(test.queue, 1000) == 50);
  CHECK(test.line.Room(test.queue, 20) == 20);
  for (int i = 0; i < 40; ++i) REQUIRE(test.queue.TryEnter());
  CHECK(test.line.Room(test.queue, 10) == 10);
  // Too few to begin with: a batch would have to wait again for the rest.
  CHECK(test.line.Room(test.queue, 1000) == 0);
}

TEST_CASE("a batch is expected to take as long as the rows ahead of it took lately") {
  LineTest test;
  // Alone: what it takes says nothing about how long others would wait.
  CHECK(test.line.ExpectedTime(1000) == absl::ZeroDuration());
  for (int i = 0; i < 40; ++i) test.Come("", 1000);
  for (int i = 0; i < 30; ++i) {
    test.clock.Advance(absl::Milliseconds(1));
    test.Answer(1000);
  }
  REQUIRE(test.line.rows() == 9000);
  // One under way, nine that wait, and its own.
  const absl::Duration expected = test.line.ExpectedTime(1000);
  CHECK(expected > absl::Milliseconds(10));
  CHECK(expected < absl::Milliseconds(12));
  for (int i = 0; i < 10; ++i) test.Answer(1000);
  CHECK(test.line.ExpectedTime(1000) == absl::ZeroDuration());
}

TEST_CASE("a batch that gives up its place lets the next one come first") {
  LineTest test;
  test.Come("a", 1024);
  const auto give_up = [&]() -> Task<void> {
    BatchLine::Place place(test.line, 10);
    co_await place;
  };
  test.scope.Spawn(give_up());
  test.Come("b", 10);
  test.Answer(1024);
  CHECK(test.begun == Names{"a", "b"});
  CHECK(test.line.rows() == 0);
}

}  // namespace
}  // namespace predictd::predict
