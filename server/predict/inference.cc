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

// What became of the rows in [begin, end) together. One that holds NaN or infinity may be to blame
// for a failure, which then says nothing about the version: else one caller could take a canary
// back.
void CountRows(const MatchedTensors& tensors, int begin, int end, const absl::Status& status,
               const repository::Version& version) {
  if (status.ok()) return version.outcomes.CountMany(end - begin, 0);
  if (!absl::IsInternal(status)) return;
  for (int row = begin; row < end; ++row) {
    if (!RowIsFinite(tensors, row)) return;
  }
  version.outcomes.CountMany(0, end - begin);
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
  const auto prepare = [&](batching::RunRow& row, int index) {
    row.inputs = absl::MakeConstSpan(inputs);
    row.outputs = absl::MakeSpan(outputs);
    row.index = index;
    row.deadline = deadline;
    row.cancelled = &call.cancelled;
  };
  if (matched.rows == 1) {
    batching::RunRow row(batches_, lane);
    prepare(row, 0);
    status = co_await row;
    CountRows(matched, 0, 1, status, *answer.version);
    answer.times.queue = row.queue_time;
    answer.times.model = row.model_time;
  } else {
    const auto run_row = [&](int index) -> Task<void> {
      batching::RunRow row(batches_, lane);
      prepare(row, index);
      const absl::Status of_row = co_await row;
      CountRows(matched, index, index + 1, of_row, *answer.version);
      if (!of_row.ok() && status.ok()) status = OfRow(index, of_row);
      answer.times.queue = std::max(answer.times.queue, row.queue_time);
      answer.times.model = std::max(answer.times.model, row.model_time);
    };
    const int at_once = std::clamp(lane.queue_limit().limit() / 2, 1, kRowsAtOnce);
    for (int begin = 0; status.ok() && begin < matched.rows; begin += at_once) {
      Scope scope;
      const int end = begin + std::min(at_once, matched.rows - begin);
      for (int index = begin; index < end; ++index) scope.Spawn(run_row(index));
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
  CountRows(matched, 0, matched.rows, status, *answer.version);
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
