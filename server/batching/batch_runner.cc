#include "server/batching/batch_runner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/batching/padded_size.h"

namespace predictd::batching {
namespace {

absl::Status ModelError(const LaneOptions& lane, absl::string_view message) {
  return absl::InternalError(
      absl::StrCat("model '", lane.model, "' version ", lane.version, ": ", message));
}

absl::Status RunError(const LaneOptions& lane, const absl::Status& status) {
  // A request that asks for too much is no failure of the model's.
  return absl::IsInvalidArgument(status) ? status : ModelError(lane, status.message());
}

// Puts the rows' parts of one tensor one behind the other, and repeats the first row up to
// `padded`: zeros might be a value on which the model throws.
void Gather(absl::Span<Row* const> rows, size_t tensor, size_t width, int padded, char* to) {
  const char* const first = to;
  const char* const end = to + padded * width;
  for (const Row* row : rows) {
    std::memcpy(to, row->inputs[tensor] + row->index * width, row->rows * width);
    to += row->rows * width;
  }
  for (; to < end; to += width) std::memcpy(to, first, width);
}

// The outputs of the `position`-th row of a batch and those behind it.
bool AllFinite(const LaneOptions& lane, const std::vector<char*>& batch, int position, int rows) {
  for (size_t i = 0; i < lane.outputs.size(); ++i) {
    const TensorLayout& output = lane.outputs[i];
    const char* const from = batch[i] + position * output.bytes_per_row();
    if (!AllFinite(from, output.datatype, rows * output.elements_per_row)) return false;
  }
  return true;
}

// Gives what begins at the `position`-th row of a batch what is its own.
void TakeOutputs(const LaneOptions& lane, const std::vector<char*>& batch, int position, Row& row) {
  if (lane.whole_requests) return;
  if (!AllFinite(lane, batch, position, row.rows)) {
    const absl::Status status = ModelError(lane, "gave NaN or infinity for this row");
    if (row.rows == 1) {
      row.status = status;
      return;
    }
    for (int i = 0; i < row.rows; ++i) {
      if (!AllFinite(lane, batch, position + i, 1)) row.failed.emplace_back(i, status);
    }
  }
  for (size_t i = 0; i < lane.outputs.size(); ++i) {
    const size_t width = lane.outputs[i].bytes_per_row();
    std::memcpy(row.outputs[i] + row.index * width, batch[i] + position * width, row.rows * width);
  }
}

// How many rows the model failed on in what was run, and its last error for them.
int FailedInModel(const Row& row, absl::Status& error) {
  if (!row.failed.empty()) error = row.failed.back().second;
  if (!absl::IsInternal(row.status)) return static_cast<int>(row.failed.size());
  error = row.status;
  return row.rows;
}

}  // namespace

bool BatchRunner::Run(Lane& lane, absl::Span<Row* const> rows) {
  const LaneOptions& options = lane.options();
  const absl::Time start = clock_.Now();
  const bool measure_cpu = !options.whole_requests && lane.RunTimeInDoubt();
  const absl::Duration cpu_before = measure_cpu ? ThreadCpuTime() : absl::ZeroDuration();
  const absl::Status status =
      options.whole_requests ? (*rows.front()->whole_request)() : RunTogether(lane, rows);
  const absl::Duration cpu_time =
      measure_cpu ? ThreadCpuTime() - cpu_before : absl::InfiniteDuration();
  const absl::Duration model_time = clock_.Now() - start;
  if (!status.ok() && Places(rows) > 1) return false;

  int count = 0;
  int answered = 0;
  int failed = 0;
  absl::Status error;
  absl::Duration queue_time;  // of those answered
  for (Row* row : rows) {
    row->queue_time = start - row->added_at;
    row->model_time = model_time;
    row->status = status.ok() ? absl::OkStatus() : RunError(options, status);
    if (status.ok()) TakeOutputs(options, outputs_.tensors(), count, *row);
    if (row->status.ok()) {
      const int ok = row->rows - static_cast<int>(row->failed.size());
      answered += ok;
      queue_time += ok * row->queue_time;
    }
    failed += FailedInModel(*row, error);
    queue_times_.Observe(row->queue_time, row->places());
    count += row->rows;
  }
  if (failed > 0) NoteFailures(lane, failed, error);
  // What other shapes took says nothing about the next ones.
  if (status.ok() && !options.whole_requests) lane.RecordRun(count, model_time, cpu_time);
  lane.metrics().batch_rows.Observe(count);
  lane.statistics().RecordQueue(answered, queue_time);
  // A request of shapes of its own is run in pieces.
  const int runs = (count + options.max_batch - 1) / options.max_batch;
  for (int done = 0; done < answered; done += options.max_batch) {
    lane.statistics().RecordRun(std::min(count - done, options.max_batch),
                                std::min(answered - done, options.max_batch), model_time / runs,
                                clock_.WallNow());
  }
  queue_times_.Flush();
  metrics_.ObserveStage(Stage::kModel, model_time);
  return true;
}

void BatchRunner::RunAlone(Lane& lane, Row& row) {
  Row* const alone = &row;
  const int first = row.index;
  const int rows = row.places();
  if (rows == 1) {
    Run(lane, {&alone, 1});
    return;
  }
  std::vector<std::pair<int, absl::Status>> failed;
  row.rows = 1;
  for (int i = 0; i < rows; ++i) {
    row.index = first + i;
    Run(lane, {&alone, 1});
    if (!row.status.ok()) failed.emplace_back(i, std::move(row.status));
  }
  row.index = first;
  row.rows = rows;
  row.failed = std::move(failed);
  row.status = absl::OkStatus();
}

absl::Status BatchRunner::RunTogether(Lane& lane, absl::Span<Row* const> rows) {
  const LaneOptions& options = lane.options();
  const int padded = PaddedSize(Places(rows), options.max_batch);
  inputs_.Shape(options.inputs, padded);
  outputs_.Shape(options.outputs, padded);
  for (size_t i = 0; i < options.inputs.size(); ++i) {
    Gather(rows, i, options.inputs[i].bytes_per_row(), padded, inputs_.tensors()[i]);
  }
  return lane.function()(padded, inputs_.tensors().data(), outputs_.tensors().data());
}

void BatchRunner::NoteFailures(Lane& lane, int rows, const absl::Status& error) {
  lane.metrics().rows_failed.Increment(rows);
  if (!lane.TellsFailure(clock_.Now())) return;
  Log(LogLevel::kWarning, "the model fails on rows; told at most once a minute",
      {{"model", lane.options().model},
       {"version", lane.options().version},
       {"error", error.message()}});
}

void BatchRunner::DropDead(Lane& lane, absl::Duration run_time, std::vector<Row*>& rows,
                           std::vector<Row*>& dropped) {
  const absl::Time now = clock_.Now();
  const int places = Places(rows);
  lane.queue_limit().Leave(places);
  // Unknown, or of other shapes.
  if (run_time == absl::InfiniteDuration() || lane.options().whole_requests) {
    run_time = absl::ZeroDuration();
  }
  bool too_long = false;
  std::erase_if(rows, [&](Row* row) {
    const bool cancelled =
        row->cancelled != nullptr && row->cancelled->load(std::memory_order_relaxed);
    const absl::Duration left = row->deadline - now;
    if (!cancelled && left > run_time) return false;
    // Cancelled and past the deadline: gRPC cancels what has expired, so the deadline is the cause.
    const bool expired = left <= absl::ZeroDuration();
    too_long |= !cancelled && !expired;
    Drop(lane, *row, now, cancelled && !expired ? DropReason::kCancelled : DropReason::kDeadline);
    dropped.push_back(row);
    return true;
  });
  if (too_long) lane.DoubtTimes(places);
}

void BatchRunner::Drop(const Lane& lane, Row& row, absl::Time now, DropReason reason) {
  const bool deadline = reason == DropReason::kDeadline;
  if (!deadline) {
    row.status = absl::CancelledError("the caller cancelled before the model ran");
  } else if (row.deadline <= now) {
    row.status = absl::DeadlineExceededError("the deadline passed before the model ran");
  } else {
    row.status = absl::DeadlineExceededError(
        "the deadline is nearer than the time that the model takes: it was not run");
  }
  row.queue_time = now - row.added_at;
  metrics_.CountRowsDropped(reason, Stage::kQueue, row.places());
  if (!LogEnabled(LogLevel::kDebug)) return;
  Log(LogLevel::kDebug, "row dropped",
      {{"model", lane.options().model},
       {"stage", "queue"},
       {"reason", deadline ? "deadline" : "cancelled"},
       {"rows", row.places()},
       {"waited", row.queue_time}});
}

}  // namespace predictd::batching
