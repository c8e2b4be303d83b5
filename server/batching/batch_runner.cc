#include "server/batching/batch_runner.h"

#include <algorithm>
#include <cstring>

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

// Puts the rows' parts of one tensor one behind the other, and repeats the first row up to
// `padded`: zeros might be a value on which the model throws.
void Gather(absl::Span<Row* const> rows, size_t tensor, size_t width, int padded, char* to) {
  char* const first = to;
  for (const Row* row : rows) {
    std::memcpy(to, row->inputs[tensor] + row->index * width, width);
    to += width;
  }
  for (int i = static_cast<int>(rows.size()); i < padded; ++i, to += width) {
    std::memcpy(to, first, width);
  }
}

// Gives the `position`-th row of a batch what is its own.
absl::Status TakeOutputs(const LaneOptions& lane, const std::vector<char*>& batch, int position,
                         const Row& row) {
  if (lane.whole_requests) return absl::OkStatus();
  for (size_t i = 0; i < lane.outputs.size(); ++i) {
    const TensorLayout& output = lane.outputs[i];
    const size_t width = output.bytes_per_row();
    const char* const from = batch[i] + position * width;
    if (!AllFinite(from, output.datatype, output.elements_per_row)) {
      return ModelError(lane, "gave NaN or infinity for this row");
    }
    std::memcpy(row.outputs[i] + row.index * width, from, width);
  }
  return absl::OkStatus();
}

}  // namespace

bool BatchRunner::Run(Lane& lane, absl::Span<Row* const> rows) {
  const LaneOptions& options = lane.options();
  const absl::Time start = clock_.Now();
  const absl::Duration cpu_before = ThreadCpuTime();
  const absl::Status status =
      options.whole_requests ? (*rows.front()->whole_request)() : RunTogether(lane, rows);
  const absl::Duration cpu_time = ThreadCpuTime() - cpu_before;
  const absl::Duration model_time = clock_.Now() - start;
  if (!status.ok() && rows.size() > 1) return false;

  int count = 0;
  absl::Duration queue_time;
  for (size_t i = 0; i < rows.size(); ++i) {
    Row& row = *rows[i];
    count += row.rows;
    row.queue_time = start - row.added_at;
    queue_time += row.queue_time;
    row.model_time = model_time;
    row.status = status.ok() ? TakeOutputs(options, outputs_.tensors(), static_cast<int>(i), row)
                             : ModelError(options, status.message());
    metrics_.ObserveStage(Stage::kQueue, row.queue_time);
  }
  if (status.ok()) lane.RecordRunTime(count, cpu_time);
  lane.metrics().batch_rows.Observe(count);
  lane.statistics().RecordBatch(count, queue_time, model_time, clock_.WallNow());
  metrics_.ObserveStage(Stage::kModel, model_time);
  return true;
}

absl::Status BatchRunner::RunTogether(Lane& lane, absl::Span<Row* const> rows) {
  const LaneOptions& options = lane.options();
  const int padded = PaddedSize(static_cast<int>(rows.size()), options.max_batch);
  inputs_.Shape(options.inputs, padded);
  outputs_.Shape(options.outputs, padded);
  for (size_t i = 0; i < options.inputs.size(); ++i) {
    Gather(rows, i, options.inputs[i].bytes_per_row(), padded, inputs_.tensors()[i]);
  }
  return lane.function()(padded, inputs_.tensors().data(), outputs_.tensors().data());
}

void BatchRunner::DropDead(Lane& lane, std::vector<Row*>& rows, std::vector<Row*>& dropped) {
  const absl::Time now = clock_.Now();
  lane.queue_limit().Leave(static_cast<int>(rows.size()));
  std::erase_if(rows, [&](Row* row) {
    const bool cancelled =
        row->cancelled != nullptr && row->cancelled->load(std::memory_order_relaxed);
    const bool expired = row->deadline <= now;
    if (!cancelled && !expired) return false;
    // Cancelled and past the deadline: gRPC cancels what has expired, so the deadline is the cause.
    row->status = expired ? absl::DeadlineExceededError("the deadline passed before the model ran")
                          : absl::CancelledError("the caller cancelled before the model ran");
    row->queue_time = now - row->added_at;
    metrics_.CountRowsDropped(expired ? DropReason::kDeadline : DropReason::kCancelled);
    if (LogEnabled(LogLevel::kDebug)) {
      Log(LogLevel::kDebug, "row dropped",
          {{"model", lane.options().model},
           {"stage", "queue"},
           {"reason", expired ? "deadline" : "cancelled"},
           {"waited", row->queue_time}});
    }
    dropped.push_back(row);
    return true;
  });
}

}  // namespace predictd::batching
