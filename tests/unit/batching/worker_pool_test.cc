#include "server/batching/worker_pool.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/catch.h"
#include "tests/unit/batching/rig.h"

namespace predictd::batching {
namespace {

// A batch function that waits until the test opens it.
class Gate {
 public:
  absl::Status operator()(int rows, const float* in, float* out) {
    entered_ = true;
    entered_.notify_all();
    open_.wait(false);
    return Double(rows, in, out);
  }
  void WaitUntilEntered() { entered_.wait(false); }
  void Open() {
    open_ = true;
    open_.notify_all();
  }

 private:
  std::atomic<bool> entered_{false};
  std::atomic<bool> open_{false};
};

void Submit(WorkerPool& pool, Lane& lane, Loop& loop, TestRow& row) {
  row.home = &loop;
  row.added_at = loop.Now();
  REQUIRE(lane.queue_limit().TryEnter());
  Row* const rows[] = {&row};
  pool.Submit(lane, rows);
}

void RunUntilAnswered(ManualLoop& loop, const std::deque<TestRow>& rows) {
  for (const TestRow& row : rows) {
    while (row.answered == 0) loop.RunTurn();
  }
}

TEST_CASE("rows that queue up behind a running batch form the next batch together") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  Gate gate;
  std::vector<int> sizes;
  auto lane = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    sizes.push_back(rows);
    return gate(rows, in, out);
  });
  std::deque<TestRow> rows;
  Submit(pool, *lane, loop, rows.emplace_back(0.0F));
  gate.WaitUntilEntered();
  for (int i = 1; i <= 4; ++i) Submit(pool, *lane, loop, rows.emplace_back(static_cast<float>(i)));
  gate.Open();
  RunUntilAnswered(loop, rows);
  CHECK(sizes == std::vector<int>{1, 4});
  for (const TestRow& row : rows) CHECK(row.out == 2 * row.in);
}

TEST_CASE("a model with a long queue lets another model run after its present batch") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  Gate gate;
  std::vector<char> order;
  auto slow = MakeLane(
      metrics,
      [&](int rows, const float* in, float* out) {
        order.push_back('s');
        return gate(rows, in, out);
      },
      /*max_batch=*/1);
  auto fast = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    order.push_back('f');
    return Double(rows, in, out);
  });
  std::deque<TestRow> rows;
  for (int i = 0; i < 5; ++i) Submit(pool, *slow, loop, rows.emplace_back(1.0F));
  gate.WaitUntilEntered();
  Submit(pool, *fast, loop, rows.emplace_back(1.0F));
  gate.Open();
  RunUntilAnswered(loop, rows);
  CHECK(order == std::vector<char>{'s', 's', 'f', 's', 's', 's'});
}

TEST_CASE("rows of a batch that threw run alone while their deadlines last") {
  FakeClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  Gate gate;
  std::vector<std::vector<float>> runs;
  auto lane = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    runs.emplace_back(in, in + rows);
    clock.Advance(absl::Seconds(1));
    for (int i = 0; i < rows; ++i) {
      if (in[i] == 3) return absl::InternalError("three!");
    }
    return gate(rows, in, out);
  });
  std::deque<TestRow> rows;
  Submit(pool, *lane, loop, rows.emplace_back(0.0F));
  gate.WaitUntilEntered();
  const absl::Time start = clock.Now();
  for (const float value : {1.0F, 3.0F, 2.0F}) {
    rows.emplace_back(value).deadline = start + absl::Seconds(value == 2 ? 3 : 100);
  }
  for (size_t i = 1; i < rows.size(); ++i) Submit(pool, *lane, loop, rows[i]);
  gate.Open();
  RunUntilAnswered(loop, rows);
  CHECK(rows[1].out == 2);
  CHECK(rows[2].status.message() == "model 'm' version 1: three!");
  CHECK(rows[3].status.code() == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(runs.size() == 4);
  CHECK(runs[2].front() == 1);
  CHECK(runs[3].front() == 3);
  CHECK(lane->queue_limit().waiting() == 0);
}

TEST_CASE("rows of a model at its limit of workers do not wait for what a worker has to warm up") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(2, clock, metrics, [] {});
  Gate gate;
  std::atomic<std::thread::id> runner;
  const auto inner = MakeLane(metrics, Double, 1);
  LaneOptions options = inner->options();
  options.max_workers = 1;
  Lane lane(options, OnFloats([&](int rows, const float* in, float* out) {
              runner = std::this_thread::get_id();
              return gate(rows, in, out);
            }),
            std::make_shared<QueueLimit>(100, metrics.ForModel("m").queue_rows),
            metrics.ForModel("m"));
  std::deque<TestRow> rows;
  for (int i = 0; i < 2; ++i) Submit(pool, lane, loop, rows.emplace_back(1.0F));
  gate.WaitUntilEntered();
  std::atomic<bool> answered{false};
  std::thread warming([&, first = runner.load()] {
    pool.RunOnEachWorker([&, first] {
      if (std::this_thread::get_id() == first) answered.wait(false);
    });
  });
  // Until the worker that runs the first row has its task: unseen from here.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  gate.Open();
  RunUntilAnswered(loop, rows);
  answered = true;
  answered.notify_all();
  warming.join();
  CHECK(rows[1].out == 2);
}

TEST_CASE("a worker waits for a fuller batch only as long as the delay says") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  std::vector<int> sizes;
  auto lane = MakeLane(
      metrics,
      [&](int rows, const float* in, float* out) {
        sizes.push_back(rows);
        return Double(rows, in, out);
      },
      /*max_batch=*/4, /*max_queue=*/100, /*batch_delay=*/absl::Seconds(3600));
  std::deque<TestRow> rows;
  // Far below the delay: only a full batch can be what starts the run.
  for (int i = 0; i < 4; ++i) Submit(pool, *lane, loop, rows.emplace_back(1.0F));
  RunUntilAnswered(loop, rows);
  CHECK(sizes == std::vector<int>{4});

  auto short_delay = MakeLane(metrics, Double, 4, 100, absl::Milliseconds(5));
  std::deque<TestRow> lone;
  Submit(pool, *short_delay, loop, lone.emplace_back(1.0F));
  RunUntilAnswered(loop, lone);
  CHECK(lone[0].queue_time >= absl::Milliseconds(5));
}

TEST_CASE("requests of shapes of their own run one by one, however many wait, and wait for none") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  ModelMetrics& numbers = metrics.ForModel("m");
  Lane lane({.model = "m",
             .version = "1",
             .inputs = {},
             .outputs = {},
             .whole_requests = true,
             .max_batch = 8,
             .batch_delay = absl::Seconds(3600)},
            nullptr, std::make_shared<QueueLimit>(100, numbers.queue_rows), numbers);
  std::atomic<bool> entered{false};
  std::atomic<bool> open{false};
  std::deque<TestRow> rows;
  std::deque<int> runs;
  std::deque<std::function<absl::Status()>> requests;
  for (int i = 0; i < 5; ++i) {
    TestRow& row = rows.emplace_back(0.0F);
    row.rows = 3;
    row.whole_request = &requests.emplace_back([&, &run = runs.emplace_back(0)] {
      entered = true;
      entered.notify_all();
      open.wait(false);
      ++run;
      return absl::OkStatus();
    });
    Submit(pool, lane, loop, row);
    entered.wait(false);  // the others wait together behind the first
  }
  open = true;
  open.notify_all();
  RunUntilAnswered(loop, rows);
  for (const TestRow& row : rows) CHECK(row.status.ok());
  CHECK(runs == std::deque<int>(5, 1));
}

TEST_CASE("a task for each worker runs once on each") {
  const SystemClock clock;
  Metrics metrics;
  WorkerPool pool(3, clock, metrics, [] {});
  Mutex mutex;
  std::vector<std::thread::id> threads;
  pool.RunOnEachWorker([&] {
    MutexLock lock(mutex);
    threads.push_back(std::this_thread::get_id());
  });
  REQUIRE(threads.size() == 3);
  CHECK(threads[0] != threads[1]);
  CHECK(threads[1] != threads[2]);
  CHECK(threads[0] != threads[2]);
}

TEST_CASE("thousands of rows from several threads come back once each with their own answer") {
  const SystemClock clock;
  Metrics metrics;
  WorkerPool pool(2, clock, metrics, [] {});
  auto lane = MakeLane(metrics, Double, /*max_batch=*/64, /*max_queue=*/100000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      ManualLoop loop(clock);
      std::deque<TestRow> rows;
      for (int i = 0; i < 3000; ++i) {
        TestRow& row = rows.emplace_back(static_cast<float>(t * 10000 + i));
        row.home = &loop;
        row.added_at = loop.Now();
        lane->queue_limit().TryEnter();
        Row* const one[] = {&row};
        pool.Submit(*lane, one);
      }
      for (const TestRow& row : rows) {
        while (row.answered == 0) loop.RunTurn();
      }
      for (const TestRow& row : rows) {
        if (row.answered != 1 || row.out != 2 * row.in) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(lane->queue_limit().waiting() == 0);
}

}  // namespace
}  // namespace predictd::batching
