#include "server/predict/inference.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/async/scope.h"
#include "server/predict/answer_size.h"
#include "server/predict/tensor_match.h"
#include "server/predict/whole_request.h"

namespace predictd::predict {
namespace {

// Rows of one request that wait to be run at once, so that others find room in the queue.
constexpr int kRowsAtOnce = 1024;

absl::Status OfRow(int row, const absl::Status& status) {
  absl::Status named(status.code(), absl::StrCat("row ", row, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
  return named;
}

// What became of a row, a block or a whole request. One that holds NaN or infinity may be to blame
// for a failure, which then says nothing about the version: else one caller could take a canary
// back.
void CountRows(const MatchedTensors& tensors, const batching::Row& row, const absl::Status& status,
               const repository::Version& version) {
  if (status.ok()) {
    int failed = 0;
    for (const auto& [i, of_row] : row.failed) failed += RowIsFinite(tensors, row.index + i);
    version.outcomes.CountMany(row.rows - static_cast<int>(row.failed.size()), failed);
  } else if (absl::IsInternal(status)) {
    for (int i = 0; i < row.rows; ++i) {
      if (!RowIsFinite(tensors, row.index + i)) return;
    }
    version.outcomes.CountMany(0, row.rows);
  }
}

}  // namespace

Task<absl::StatusOr<InferAnswer>> Inference::Infer(const InferRequest& request,
                                                   const CallContext& call) {
  absl::StatusOr<repository::VersionHandle> version = catalog_.Find(request.model, request.version);
  if (!version.ok()) co_return version.status();
  InferAnswer answer;
  answer.version = *std::move(version);
  batching::Lane& lane = *answer.version->lane;
  const absl::Time start = loop_.Now();
  absl::Status status = co_await Run(request, call, answer);
  lane.statistics().RecordRequests(status.ok(), 1, loop_.Now() - start);
  if (!status.ok()) co_return status;
  co_return answer;
}

Task<absl::Status> Inference::Run(const InferRequest& request, const CallContext& call,
                                  InferAnswer& answer) {
  const batching::LaneOptions& lane = answer.version->lane->options();
  absl::StatusOr<MatchedTensors> matched = MatchTensors(lane, request);
  if (!matched.ok()) co_return matched.status();
  absl::Status status = call.Check(loop_.Now(), "the model ran");
  if (!status.ok()) {
    NoteGivenUp(metrics_, status, Stage::kQueue);
    co_return status;
  }
  const absl::Time deadline = std::min(call.deadline, loop_.Now() + request.timeout);
  if (lane.whole_requests) {
    co_return co_await RunWhole(*matched, call, deadline, answer);
  }
  co_return co_await RunRows(*matched, call, deadline, answer);
}

Task<absl::Status> Inference::RunRows(const MatchedTensors& matched, const CallContext& call,
                                      absl::Time deadline, InferAnswer& answer) {
  batching::Lane& lane = *answer.version->lane;
  const std::vector<TensorLayout>& layouts = lane.options().outputs;
  size_t bytes_per_row = 0;
  for (const TensorLayout& layout : layouts) bytes_per_row += layout.bytes_per_row();
  absl::Status status =
      CheckAnswerSize("inputs", matched.rows, matched.rows * bytes_per_row, max_answer_);
  if (!status.ok()) co_return status;
  absl::InlinedVector<const char*, 4> inputs;
  for (const InputTensor* input : matched.inputs) inputs.push_back(input->bytes.data());
  // Outputs that were not asked for are written too: the batch gives them anyway.
  std::vector<std::string> bytes(layouts.size());
  absl::InlinedVector<char*, 4> outputs;
  for (size_t i = 0; i < layouts.size(); ++i) {
    bytes[i].resize(matched.rows * layouts[i].bytes_per_row());
    outputs.push_back(bytes[i].data());
  }
  const auto prepare = [&](batching::Row& block, int begin, int rows) {
    block.inputs = absl::MakeConstSpan(inputs);
    block.outputs = absl::MakeSpan(outputs);
    block.index = begin;
    block.rows = rows;
    block.deadline = deadline;
    block.cancelled = &call.cancelled;
  };
  const auto take = [&](const batching::Row& block, absl::Status of_block) {
    CountRows(matched, block, of_block, *answer.version);
    if (!block.failed.empty()) {
      const auto& [row, of_row] = block.failed.front();
      of_block = OfRow(block.index + row, of_row);
    } else if (!of_block.ok() && matched.rows > 1) {
      of_block = OfRow(block.index, of_block);
    }
    if (status.ok()) status = std::move(of_block);
    answer.times.queue = std::max(answer.times.queue, block.queue_time);
    answer.times.model = std::max(answer.times.model, block.model_time);
  };
  const int at_once = std::clamp(lane.queue_limit().limit() / 2, 1, kRowsAtOnce);
  const int per_block = std::min(at_once, lane.RowsPerBlock());
  if (matched.rows <= per_block) {  // without a task of its own: most have one row
    batching::RunRow block(batches_, lane);
    prepare(block, 0, matched.rows);
    absl::Status of_block = co_await block;
    take(block, std::move(of_block));
  } else {
    const auto run = [&](int begin, int rows) -> Task<void> {
      batching::RunRow block(batches_, lane);
      prepare(block, begin, rows);
      absl::Status of_block = co_await block;
      take(block, std::move(of_block));
    };
    for (int begin = 0; status.ok() && begin < matched.rows; begin += at_once) {
      Scope scope;
      const int end = begin + std::min(at_once, matched.rows - begin);
      for (int first = begin; status.ok() && first < end; first += per_block) {
        scope.Spawn(run(first, std::min(per_block, end - first)));
      }
      co_await scope.Done();
    }
  }
  if (!status.ok()) co_return status;
  for (const int position : matched.outputs) {
    std::vector<int64_t> shape = layouts[position].shape;
    shape[0] = matched.rows;
    answer.outputs.push_back({layouts[position].name, layouts[position].datatype, std::move(shape),
                              std::move(bytes[position])});
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Inference::RunWhole(const MatchedTensors& matched, const CallContext& call,
                                       absl::Time deadline, InferAnswer& answer) {
  batching::Lane& lane = *answer.version->lane;
  std::vector<TensorValue> values;
  const std::function<absl::Status()> run = [&] {
    return RunWholeRequest(*answer.version->runnable, lane.options(), matched, max_answer_, values);
  };
  batching::RunRow row(batches_, lane);
  row.whole_request = &run;
  row.rows = matched.rows;
  row.deadline = deadline;
  row.cancelled = &call.cancelled;
  const absl::Status status = co_await row;
  CountRows(matched, row, status, *answer.version);
  answer.times.queue = row.queue_time;
  answer.times.model = row.model_time;
  if (!status.ok()) co_return status;
  for (const int position : matched.outputs) {
    const TensorLayout& layout = lane.options().outputs[position];
    answer.outputs.push_back({layout.name, layout.datatype, std::move(values[position].shape),
                              std::move(values[position].bytes)});
  }
  co_return absl::OkStatus();
}

}  // namespace predictd::predict
