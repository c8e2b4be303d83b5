#include "server/predict/shadow.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {
namespace {

// Rows that wait or run on one loop.
constexpr size_t kMostRows = 256;
// Rows added in one turn: they may come before those of the next turn, so there are few.
constexpr int kRowsAtOnce = 16;
// Of the model's queue, at most a part may be the shadow's: it must not fill it for others.
constexpr int kPartOfQueue = 8;
constexpr absl::Duration kLongestWait = absl::Seconds(1);
// How soon it looks again whether its rows can run.
constexpr absl::Duration kNextLook = absl::Milliseconds(5);
// Versions come and go: what is remembered of them is forgotten now and then.
constexpr size_t kMostPairs = 64;

}  // namespace

Shadow::Shadow(Loop& loop, const repository::Catalog& catalog, batching::TurnBatches& batches,
               Metrics& metrics)
    : loop_(loop), catalog_(catalog), batches_(batches), metrics_(metrics) {
  loop.AddStep(*this);
}

void Shadow::Offer(const Answer& answer, const repository::VersionHandle& version) {
  repository::SharedVersion shadow = catalog_.ShadowOf(*version);
  if (shadow.version == nullptr || shadow.version->features->size() == 0) return;
  Pair& pair = PairOf(*version, *shadow.version);
  pair.due += shadow.share;
  if (pair.due < 1) return;
  pair.due -= 1;
  if (waiting_.size() + running_.running() >= kMostRows) {
    pair.numbers.dropped.Increment();
    return;
  }
  waiting_.push_back({version, std::move(shadow.version), answer.features, answer.outputs,
                      answer.times.model, loop_.Now()});
}

bool Shadow::Turn() {
  if (waiting_.empty()) return false;
  std::vector<std::pair<const batching::QueueLimit*, int>> rooms;
  std::deque<Waiting> later;
  bool ran = false;
  for (Waiting& row : waiting_) {
    const batching::QueueLimit* const queue = &row.shadow->lane->queue_limit();
    auto room = std::find_if(rooms.begin(), rooms.end(),
                             [&](const auto& known) { return known.first == queue; });
    if (room == rooms.end()) room = rooms.insert(room, {queue, Room(*queue)});
    if (room->second > 0) {
      --room->second;
      ran = true;
      running_.Spawn(Run(std::move(row)));
    } else if (loop_.Now() - row.since < kLongestWait) {
      later.push_back(std::move(row));
    } else {
      PairOf(*row.answered_by, *row.shadow).numbers.dropped.Increment();
    }
  }
  waiting_ = std::move(later);
  if (!waiting_.empty() && !running()) loop_.Start(*this, loop_.Now() + kNextLook);
  return ran;
}

int Shadow::Room(const batching::QueueLimit& queue) {
  if (queue.waiting() > 0) return 0;
  return std::min(kRowsAtOnce, queue.limit() / kPartOfQueue);
}

Task<void> Shadow::Run(Waiting row) {
  batching::Lane& lane = *row.shadow->lane;
  FeatureValues features;
  if (!Translate(row, features)) {
    PairOf(*row.answered_by, *row.shadow).numbers.dropped.Increment();
    co_return;
  }
  std::vector<float> outputs(OutputsPerRow(lane.options()));
  batching::RunRow run(batches_, lane);
  RowTensors tensors(lane.options(), 1, features, absl::MakeSpan(outputs));
  tensors.Point(run);
  run.deadline = loop_.Now() + kLongestWait;
  absl::Status status = co_await run;
  if (status.ok()) status = tensors.TakeOutputs(0, absl::MakeSpan(outputs));
  if (status.ok()) {
    Compare(row, outputs, run.model_time);
  } else if (absl::IsInternal(status)) {
    Failed(row, status.message());
  } else {
    PairOf(*row.answered_by, *row.shadow).numbers.dropped.Increment();
  }
}

bool Shadow::Translate(const Waiting& row, FeatureValues& features) {
  const std::vector<int>& columns = columns_.Columns(*row.shadow, *row.answered_by->features);
  for (size_t i = 0; i < columns.size(); ++i) {
    features.push_back(columns[i] >= 0 ? row.features[columns[i]] : row.shadow->defaults[i]);
    if (std::isnan(features.back())) return false;
  }
  return true;
}

void Shadow::Compare(const Waiting& row, absl::Span<const float> outputs,
                     absl::Duration model_time) {
  if (outputs.size() != row.outputs.size()) {
    Failed(row, absl::StrCat("it gives ", outputs.size(), " outputs, the other version ",
                             row.outputs.size()));
    return;
  }
  double difference = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    difference += std::abs(double{outputs[i]} - row.outputs[i]);
  }
  ShadowMetrics& numbers = PairOf(*row.answered_by, *row.shadow).numbers;
  numbers.difference.Observe(outputs.empty() ? 0 : difference / outputs.size());
  numbers.version_seconds.Observe(absl::ToDoubleSeconds(row.model_time));
  numbers.shadow_seconds.Observe(absl::ToDoubleSeconds(model_time));
  numbers.compared.Increment();
}

void Shadow::Failed(const Waiting& row, absl::string_view why) {
  Pair& pair = PairOf(*row.answered_by, *row.shadow);
  pair.numbers.failed.Increment();
  if (std::exchange(pair.failure_logged, true)) return;
  Log(LogLevel::kError, "shadow failed; further failures are only counted",
      {{"model", row.shadow->model}, {"version", row.shadow->version}, {"reason", why}});
}

Shadow::Pair& Shadow::PairOf(const repository::Version& answered,
                             const repository::Version& shadow) {
  const std::pair<uint64_t, uint64_t> key(answered.serial, shadow.serial);
  const auto known = pairs_.find(key);
  if (known != pairs_.end()) return known->second;
  if (pairs_.size() >= kMostPairs) pairs_.clear();
  ShadowMetrics& numbers =
      metrics_.traffic.ForShadow(answered.model, answered.version, shadow.version);
  return pairs_.emplace(key, Pair{numbers}).first->second;
}

Task<void> Shadow::End() {
  loop_.Stop(*this);
  for (const Waiting& row : waiting_) {
    PairOf(*row.answered_by, *row.shadow).numbers.dropped.Increment();
  }
  waiting_.clear();
  co_await running_.Done();
}

}  // namespace predictd::predict
