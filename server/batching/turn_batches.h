// The batches of one loop's turn: rows that concurrent calls add in a turn run together at its end,
// on the loop itself where the model is light, else on the workers.
#ifndef PREDICTD_SERVER_BATCHING_TURN_BATCHES_H_
#define PREDICTD_SERVER_BATCHING_TURN_BATCHES_H_

#include <coroutine>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/metrics.h"
#include "server/batching/batch_runner.h"
#include "server/batching/lane.h"
#include "server/batching/row.h"
#include "server/batching/worker_pool.h"

namespace predictd::batching {

// Loop's thread only. A step of the loop, the last one.
class TurnBatches : public TurnStep {
 public:
  // `inline_budget`: a batch whose measured run time is at most this runs on the loop, as long as
  // the turn's inline runs together stay within it; the rest waits for the next turn. 0 = never.
  TurnBatches(Loop& loop, WorkerPool& pool, Metrics& metrics, absl::Duration inline_budget);

  // Takes a row or a block; its Run() is called when it has been answered. RESOURCE_EXHAUSTED, and
  // Run() is never called, where the model's queue has no room for all of it; DEADLINE_EXCEEDED
  // where it is too long for the row's deadline.
  absl::Status Add(Lane& lane, Row& row);

  bool Turn() override;

 private:
  struct Gathered {
    Lane* lane;
    std::vector<Row*> rows;
  };

  // Takes the row's places in the queue.
  absl::Status Admit(const Lane& lane, const Row& row) const;
  bool RunsInline(const Lane& lane, int rows, absl::Duration spent) const;
  // Runs one batch here; returns how long it took.
  absl::Duration RunInline(Lane& lane, absl::Span<Row* const> rows);

  Loop& loop_;
  WorkerPool& pool_;
  Metrics& metrics_;
  const absl::Duration inline_budget_;
  BatchRunner runner_;
  // Lanes with rows of this turn; few, so that searching is cheap. `spare_` keeps vectors' memory.
  std::vector<Gathered> gathered_;
  std::vector<std::vector<Row*>> spare_;
  std::vector<Row*> batch_;
  std::vector<Row*> dropped_;
};

// Awaitable: one row, or a block, through the model. The status says whether `outputs` was written,
// for the rows of a block that are not among `failed`.
class RunRow : public Row {
 public:
  RunRow(TurnBatches& batches, Lane& lane) : batches_(batches), lane_(lane) {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    status = batches_.Add(lane_, *this);
    return status.ok();  // refused: goes on at once
  }
  absl::Status await_resume() { return std::move(status); }
  void Run() override { waiting_.resume(); }

 private:
  TurnBatches& batches_;
  Lane& lane_;
  std::coroutine_handle<> waiting_;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_TURN_BATCHES_H_
