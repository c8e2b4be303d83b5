#include "server/batching/turn_batches.h"

#include <deque>
#include <limits>
#include <vector>

#include "server/base/status.h"
#include "server/batching/padded_size.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/unit/batching/rig.h"

namespace predictd::batching {
namespace {

constexpr absl::Duration kBudget = absl::Milliseconds(100);

// Takes turns until all rows are answered; rows may be with the workers.
template <typename Rows>
void RunUntilAnswered(ManualLoop& loop, const Rows& rows) {
  const auto all_answered = [&] {
    for (const auto& row : rows) {
      if (row.answered == 0) return false;
    }
    return true;
  };
  while (!all_answered()) loop.RunTurn();
}

TEST_CASE("batch sizes are padded to powers of two up to the largest batch") {
  CHECK(PaddedSizes(64) == std::vector<int>{1, 2, 4, 8, 16, 32, 64});
  CHECK(PaddedSizes(1) == std::vector<int>{1});
  CHECK(PaddedSizes(6) == std::vector<int>{1, 2, 4, 6});
  for (const int max_batch : {1, 2, 6, 64}) {
    const std::vector<int> sizes = PaddedSizes(max_batch);
    for (int rows = 1; rows <= max_batch; ++rows) {
      CHECK(PaddedSize(rows, max_batch) >= rows);
      CHECK(sizes.at(PaddedSizeIndex(rows)) == PaddedSize(rows, max_batch));
    }
  }
}

TEST_CASE("rows of one turn run as one padded batch on the loop where the model is light") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, kBudget);
  std::vector<int> runs;
  auto lane = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    runs.push_back(rows);
    return Double(rows, in, out);
  });
  MakeLight(*lane);

  std::deque<TestRow> rows;
  for (int i = 0; i < 5; ++i) {
    rows.emplace_back(static_cast<float>(i));
    REQUIRE(batches.Add(*lane, rows.back()).ok());
  }
  CHECK(lane->queue_limit().waiting() == 5);
  loop.RunUntilIdle();
  CHECK(runs == std::vector<int>{8});
  for (const TestRow& row : rows) {
    CHECK(row.answered == 1);
    CHECK(row.status.ok());
    CHECK(row.out == 2 * row.in);
  }
  CHECK(lane->queue_limit().waiting() == 0);
}

TEST_CASE("more rows than the largest batch run as several batches, each row with its own answer") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(2, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, kBudget);
  auto lane = MakeLane(metrics, Double);
  const bool light = GENERATE(true, false);
  if (light) MakeLight(*lane);

  std::deque<TestRow> rows;
  for (int i = 0; i < 100; ++i) {
    rows.emplace_back(static_cast<float>(i));
    REQUIRE(batches.Add(*lane, rows.back()).ok());
  }
  RunUntilAnswered(loop, rows);
  for (const TestRow& row : rows) {
    CHECK(row.answered == 1);
    CHECK(row.out == 2 * row.in);
  }
}

TEST_CASE("a model whose run time is above the budget, or unknown, never runs on the loop") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, absl::Microseconds(200));
  std::atomic<bool> on_loop{false};
  const auto loop_thread = std::this_thread::get_id();
  auto lane = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    if (std::this_thread::get_id() == loop_thread) on_loop = true;
    return Double(rows, in, out);
  });
  const bool known = GENERATE(true, false);
  if (known) lane->RecordRunTime(1, absl::Milliseconds(5));

  std::deque<TestRow> rows;
  REQUIRE(batches.Add(*lane, rows.emplace_back(1.0F)).ok());
  RunUntilAnswered(loop, rows);
  CHECK_FALSE(on_loop);
  CHECK(rows[0].out == 2);
}

TEST_CASE("inline batches of one turn stay within the budget and the rest runs in later turns") {
  FakeClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, absl::Microseconds(200));
  int runs = 0;
  auto lane = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    ++runs;
    // Two of these are more than the budget, whatever CPU time they take.
    clock.Advance(absl::Microseconds(110));
    return Double(rows, in, out);
  });
  for (const int size : PaddedSizes(8)) lane->RecordRunTime(size, absl::Microseconds(90));

  std::deque<TestRow> rows;
  for (int i = 0; i < 8 * 5; ++i) {
    REQUIRE(batches.Add(*lane, rows.emplace_back(1.0F)).ok());
  }
  loop.RunTurn();
  CHECK(runs == 2);
  loop.RunTurn();
  CHECK(runs == 4);
  loop.RunUntilIdle();
  CHECK(runs == 5);
}

TEST_CASE("a model with more rows than a turn has time for is behind the others in the next one") {
  FakeClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, absl::Microseconds(200));
  const auto function = [&](int rows, const float* in, float* out) {
    clock.Advance(absl::Microseconds(150));
    return Double(rows, in, out);
  };
  const auto busy = MakeLane(metrics, function);
  const auto other = MakeLane(metrics, function);
  for (const int size : PaddedSizes(8)) {
    busy->RecordRunTime(size, absl::Microseconds(150));
    other->RecordRunTime(size, absl::Microseconds(150));
  }
  std::deque<TestRow> rows;
  for (int i = 0; i < 8 * 3; ++i) REQUIRE(batches.Add(*busy, rows.emplace_back(1.0F)).ok());
  TestRow& others = rows.emplace_back(1.0F);
  REQUIRE(batches.Add(*other, others).ok());
  loop.RunTurn();
  CHECK(others.answered == 0);
  REQUIRE(batches.Add(*busy, rows.emplace_back(1.0F)).ok());
  loop.RunTurn();
  loop.RunTurn();
  CHECK(others.answered == 1);
  loop.RunUntilIdle();
  CHECK(rows.back().answered == 1);
}

TEST_CASE("a full queue refuses the next row at once and says how long it is") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, kBudget);
  auto lane = MakeLane(metrics, Double, /*max_batch=*/8, /*max_queue=*/3);
  MakeLight(*lane);

  std::deque<TestRow> rows;
  for (int i = 0; i < 3; ++i) REQUIRE(batches.Add(*lane, rows.emplace_back(1.0F)).ok());
  TestRow refused(1.0F);
  const absl::Status status = batches.Add(*lane, refused);
  CHECK(status.code() == absl::StatusCode::kResourceExhausted);
  CHECK(status.message() == "queue of model 'm' is full: 3 rows wait, the limit is 3");
  CHECK(RetryDelay(status).has_value());
  loop.RunUntilIdle();
  CHECK(refused.answered == 0);
  CHECK(batches.Add(*lane, rows.emplace_back(1.0F)).ok());
  loop.RunUntilIdle();
}

TEST_CASE("rows past their deadline and rows of callers who left are not run") {
  FakeClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, kBudget);
  std::atomic<int> rows_run{0};
  auto lane = MakeLane(metrics, [&](int rows, const float* in, float* out) {
    rows_run += rows;
    return Double(rows, in, out);
  });
  const bool light = GENERATE(true, false);
  if (light) MakeLight(*lane);

  std::deque<TestRow> rows;
  std::atomic<bool> gone{true};
  rows.emplace_back(1.0F).deadline = clock.Now() - absl::Milliseconds(1);
  rows.emplace_back(2.0F).cancelled = &gone;
  rows.emplace_back(3.0F);
  for (TestRow& row : rows) REQUIRE(batches.Add(*lane, row).ok());
  RunUntilAnswered(loop, rows);
  CHECK(rows_run == 1);
  CHECK(absl::IsDeadlineExceeded(rows[0].status));
  CHECK(absl::IsCancelled(rows[1].status));
  CHECK(rows[2].out == 6);
  CHECK(lane->queue_limit().waiting() == 0);
}

TEST_CASE("a row on which the model throws fails alone") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(2, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, kBudget);
  auto lane = MakeLane(metrics, [](int rows, const float* in, float* out) {
    for (int i = 0; i < rows; ++i) {
      if (in[i] == 3) return absl::InternalError("three!");
    }
    return Double(rows, in, out);
  });
  const bool light = GENERATE(true, false);
  if (light) MakeLight(*lane);

  std::deque<TestRow> rows;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(batches.Add(*lane, rows.emplace_back(static_cast<float>(i))).ok());
  }
  RunUntilAnswered(loop, rows);
  for (const TestRow& row : rows) {
    CHECK(row.answered == 1);
    if (row.in == 3) {
      CHECK(row.status.code() == absl::StatusCode::kInternal);
      CHECK(row.status.message() == "model 'm' version 1: three!");
    } else {
      CHECK(row.status.ok());
      CHECK(row.out == 2 * row.in);
    }
  }
  CHECK(lane->queue_limit().waiting() == 0);
}

TEST_CASE("a row for which the model gives NaN or infinity fails alone, is counted and told once") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, kBudget);
  auto lane = MakeLane(metrics, Double);
  MakeLight(*lane);

  std::deque<TestRow> rows;
  rows.emplace_back(1.0F);
  rows.emplace_back(std::numeric_limits<float>::quiet_NaN());
  rows.emplace_back(std::numeric_limits<float>::max());  // doubled: infinity
  rows.emplace_back(4.0F);
  const CapturedLog log;
  for (TestRow& row : rows) REQUIRE(batches.Add(*lane, row).ok());
  loop.RunUntilIdle();
  CHECK(lane->metrics().rows_failed.Value() == 2);
  TestRow later(std::numeric_limits<float>::quiet_NaN());
  REQUIRE(batches.Add(*lane, later).ok());
  loop.RunUntilIdle();
  CHECK(lane->metrics().rows_failed.Value() == 3);
  CHECK(log.Count("the model fails on rows") == 1);
  CHECK(rows[0].out == 2);
  CHECK(rows[1].status.code() == absl::StatusCode::kInternal);
  CHECK(rows[2].status.code() == absl::StatusCode::kInternal);
  CHECK(rows[3].out == 8);
}

TEST_CASE("a row that would expire in the queue is refused at once") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, absl::ZeroDuration());
  const auto lane = MakeLane(metrics, Double, /*max_batch=*/2);
  lane->RecordRunTime(1, absl::Milliseconds(50));
  lane->RecordRunTime(2, absl::Milliseconds(100));
  std::deque<TestRow> rows;
  for (int i = 0; i < 2; ++i) REQUIRE(batches.Add(*lane, rows.emplace_back(1.0F)).ok());

  TestRow hasty(1.0F);
  hasty.deadline = clock.Now() + absl::Milliseconds(180);
  const absl::Status status = batches.Add(*lane, hasty);
  CHECK(status.code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(status.message() ==
        "the deadline would pass in the queue of model 'm': 2 rows wait, which may take 187.5ms");
  CHECK(lane->queue_limit().waiting() == 2);

  TestRow& patient = rows.emplace_back(1.0F);
  patient.deadline = clock.Now() + absl::Seconds(60);
  CHECK(batches.Add(*lane, patient).ok());
  RunUntilAnswered(loop, rows);
}

TEST_CASE("a row whose deadline is nearer than the model's run time is not run, at first") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(1, clock, metrics, [] {});
  TurnBatches batches(loop, pool, metrics, absl::ZeroDuration());
  const auto lane = MakeLane(metrics, Double);
  // Wrong: it takes no time at all.
  lane->RecordRunTime(1, absl::Seconds(61));
  const auto run = [&] {
    std::deque<TestRow> rows;
    TestRow& row = rows.emplace_back(1.0F);
    row.deadline = clock.Now() + absl::Seconds(60);
    REQUIRE(batches.Add(*lane, row).ok());
    RunUntilAnswered(loop, rows);
    return row.status;
  };
  CHECK(run().code() == absl::StatusCode::kDeadlineExceeded);
  // What no run ever measured again would be believed for ever.
  int refused = 1;
  while (!run().ok()) ++refused;
  CHECK(refused < 10);
}

}  // namespace
}  // namespace predictd::batching
