#include "server/batching/batch_runner.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/batching/padded_size.h"

namespace predictd::batching {
namespace {

absl::Status ModelError(const LaneOptions& lane, absl::string_view message) {
  return absl::InternalError(
      absl::StrCat("model '", lane.model, "' version ", lane.version, ": ", message));
}

// x - x is 0 for finite x and NaN for the others, and the sum needs no branch per value.
bool AllFinite(absl::Span<const float> values) {
  float sum = 0;
  for (const float value : values) sum += value - value;
  return sum == 0;
}

}  // namespace

bool BatchRunner::Run(Lane& lane, absl::Span<Row* const> rows) {
  const LaneOptions& options = lane.options();
  const size_t width = options.features_per_row;
  const size_t out_width = options.outputs_per_row;
  const int count = static_cast<int>(rows.size());
  const int padded = PaddedSize(count, options.max_batch);

  features_.resize(padded * width);
  outputs_.resize(padded * out_width);
  float* next = features_.data();
  for (const Row* row : rows) next = std::copy(row->features.begin(), row->features.end(), next);
  // Repeats the first row: zeros might be a value on which the model throws.
  for (int i = count; i < padded; ++i) {
    next = std::copy_n(features_.data(), width, next);
  }

  const absl::Time start = clock_.Now();
  const absl::Status status = lane.function()(padded, features_.data(), outputs_.data());
  const absl::Duration model_time = clock_.Now() - start;
  if (!status.ok() && count > 1) return false;
  if (status.ok()) lane.RecordRunTime(count, model_time);

  lane.metrics().batch_rows.Observe(count);
  metrics_.ObserveStage(Stage::kModel, model_time);
  const float* result = outputs_.data();
  for (Row* row : rows) {
    row->queue_time = start - row->added_at;
    row->model_time = model_time;
    if (!status.ok()) {
      row->status = ModelError(options, status.message());
    } else if (const absl::Span<const float> values(result, out_width); !AllFinite(values)) {
      row->status = ModelError(options, "gave NaN or infinity for this row");
    } else {
      std::copy(values.begin(), values.end(), row->outputs.begin());
      row->status = absl::OkStatus();
    }
    metrics_.ObserveStage(Stage::kQueue, row->queue_time);
    result += out_width;
  }
  return true;
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
