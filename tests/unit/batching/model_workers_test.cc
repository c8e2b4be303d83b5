#include <atomic>
#include <deque>

#include "tests/catch.h"
#include "tests/unit/batching/rig.h"

namespace predictd::batching {
namespace {

void Submit(WorkerPool& pool, Lane& lane, Loop& loop, TestRow& row) {
  row.home = &loop;
  row.added_at = loop.Now();
  REQUIRE(lane.queue_limit().TryEnter());
  Row* const rows[] = {&row};
  pool.Submit(lane, rows);
}

TEST_CASE("a model runs on no more workers at once than it may, and others find one free") {
  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop(clock);
  WorkerPool pool(3, clock, metrics, [] {});
  std::atomic<bool> open{false};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  auto slow = MakeLane(
      metrics,
      [&](int rows, const float* in, float* out) {
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        open.wait(false);
        --running;
        return Double(rows, in, out);
      },
      /*max_batch=*/1);
  auto other = MakeLane(metrics, Double);
  slow->queue_limit().set_workers(2);

  std::deque<TestRow> rows;
  for (int i = 0; i < 6; ++i) Submit(pool, *slow, loop, rows.emplace_back(static_cast<float>(i)));
  while (running < 2) {
  }
  TestRow quick(7);
  Submit(pool, *other, loop, quick);
  while (quick.answered == 0) loop.RunTurn();
  CHECK(quick.out == 14);

  open = true;
  open.notify_all();
  for (const TestRow& row : rows) {
    while (row.answered == 0) loop.RunTurn();
    CHECK(row.out == 2 * row.in);
  }
  CHECK(most == 2);
}

}  // namespace
}  // namespace predictd::batching
