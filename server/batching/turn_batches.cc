#include "server/batching/turn_batches.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace predictd::batching {
namespace {

// What a refused caller is told to wait: a full queue drains in about this time.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(50);

// A row's time in the queue is taken for this many times what is expected: runs vary, and one that
// ends too late keeps a worker for nothing. The queue becomes shorter by that, but not empty.
// Measured at three times the peak: 80 % of it answered in time instead of 71 %.
constexpr double kCaution = 1.25;

// The first ones that fit into one batch together, at least one.
absl::Span<Row* const> NextBatch(absl::Span<Row* const> rows, int max_batch) {
  size_t count = 1;
  int places = rows[0]->places();
  for (; count < rows.size(); ++count) {
    places += rows[count]->places();
    if (places > max_batch) break;
  }
  return rows.first(count);
}

}  // namespace

TurnBatches::TurnBatches(Loop& loop, WorkerPool& pool, Metrics& metrics,
                         absl::Duration inline_budget)
    : loop_(loop),
      pool_(pool),
      metrics_(metrics),
      inline_budget_(inline_budget),
      runner_(loop.clock(), metrics) {
  loop.AddStep(*this);
}

absl::Status TurnBatches::Admit(const Lane& lane, const Row& row) const {
  QueueLimit& queue = lane.queue_limit();
  // A row that will expire in the queue would only keep others waiting, and its caller.
  if (row.deadline != absl::InfiniteFuture() &&
      !RunsInline(lane, row.places(), absl::ZeroDuration())) {
    const absl::Duration time = kCaution * lane.ExpectedTime(queue.waiting(), pool_.workers());
    const absl::Duration left = row.deadline - loop_.Now();
    if (time > left && left > absl::ZeroDuration()) {
      metrics_.CountRowsDropped(DropReason::kDeadline, Stage::kQueue, row.places());
      return absl::DeadlineExceededError(absl::StrCat(
          "the deadline would pass in the queue of model '", lane.options().model,
          "': ", queue.waiting(), " rows wait, which may take ", absl::FormatDuration(time)));
    }
  }
  if (queue.TryEnter(row.places())) return absl::OkStatus();
  if (!row.waits_for_room) {
    metrics_.CountRowsDropped(DropReason::kQueueFull, Stage::kQueue, row.places());
  }
  const std::string full =
      row.places() == 1 ? "is full: " : absl::StrCat("has no room for ", row.places(), " more: ");
  return WithRetryDelay(absl::ResourceExhaustedError(absl::StrCat(
                            "queue of model '", lane.options().model, "' ", full, queue.waiting(),
                            " rows wait, the limit is ", queue.limit())),
                        kRetryDelay);
}

absl::Status TurnBatches::Add(Lane& lane, Row& row) {
  PREDICTD_RETURN_IF_ERROR(Admit(lane, row));
  row.home = &loop_;
  row.added_at = loop_.Now();
  row.run_alone = false;
  row.failed.clear();
  auto it = std::find_if(gathered_.begin(), gathered_.end(),
                         [&](const Gathered& gathered) { return gathered.lane == &lane; });
  if (it == gathered_.end()) {
    gathered_.push_back({&lane, {}});
    it = gathered_.end() - 1;
    if (!spare_.empty()) {
      it->rows = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  it->rows.push_back(&row);
  return absl::OkStatus();
}

bool TurnBatches::Turn() {
  if (gathered_.empty()) return false;
  absl::Duration spent;
  size_t last_run = 0;
  // Rows come back through the loop's ready list, so nothing is added while this runs.
  for (Gathered& gathered : gathered_) {
    Lane& lane = *gathered.lane;
    std::vector<Row*>& rows = gathered.rows;
    size_t done = 0;
    while (done < rows.size()) {
      const absl::Span<Row* const> batch =
          NextBatch(absl::MakeConstSpan(rows).subspan(done), lane.options().max_batch);
      const int places = Places(batch);
      if (!RunsInline(lane, places, absl::ZeroDuration())) {
        pool_.Submit(lane, batch);
      } else if (RunsInline(lane, places, spent)) {
        spent += RunInline(lane, batch);
        last_run = &gathered - gathered_.data();
      } else {
        break;
      }
      done += batch.size();
    }
    rows.erase(rows.begin(), rows.begin() + done);
    if (rows.empty()) spare_.push_back(std::move(rows));
  }
  // A lane with more rows than a turn has time for is behind the others in the next one.
  std::rotate(gathered_.begin(), gathered_.begin() + last_run + 1, gathered_.end());
  std::erase_if(gathered_, [](const Gathered& gathered) { return gathered.rows.empty(); });
  return true;
}

bool TurnBatches::RunsInline(const Lane& lane, int rows, absl::Duration spent) const {
  if (lane.options().batch_delay > absl::ZeroDuration()) return false;
  // What other shapes took says nothing about these.
  if (lane.options().whole_requests) return false;
  if (inline_budget_ == absl::ZeroDuration()) return false;
  return lane.RunTime(rows) + spent <= inline_budget_;
}

absl::Duration TurnBatches::RunInline(Lane& lane, absl::Span<Row* const> rows) {
  batch_.assign(rows.begin(), rows.end());
  dropped_.clear();
  runner_.DropDead(lane, lane.RunTime(Places(batch_)), batch_, dropped_);
  for (Row* row : dropped_) loop_.Ready(*row);
  if (batch_.empty()) return absl::ZeroDuration();
  if (!runner_.Run(lane, batch_)) {
    // A poisoned batch is run again row by row, which may take long: not on a loop.
    for (Row* row : batch_) row->run_alone = true;
    const int places = Places(batch_);
    lane.queue_limit().EnterAgain(places);
    pool_.Submit(lane, batch_);
    return lane.RunTime(places);
  }
  for (Row* row : batch_) loop_.Ready(*row);
  return batch_.front()->model_time;
}

}  // namespace predictd::batching
