// PredictBatch: the same line for many users, a piece at a time.
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "server/predict/predictor.h"
#include "server/predict/rows_at_hand.h"

namespace predictd::predict {
namespace {

// How soon a batch looks again whether the queue has room for its next rows.
constexpr absl::Duration kNextLook = absl::Milliseconds(1);
// Rows: long enough for memory to answer.
constexpr int kPrefetchAhead = 6;

}  // namespace

Task<absl::StatusOr<BatchAnswer>> Predictor::PredictBatch(
    absl::Span<const absl::string_view> user_ids, const Request& shared, const CallContext& call) {
  // One version answers all of them: the first user's, which is the user's of a batch of one.
  const absl::string_view first_user = user_ids.empty() ? "" : user_ids.front();
  auto version = line_.catalog.Find(shared.model, shared.version, first_user);
  if (!version.ok()) co_return version.status();
  BatchAnswer batch;
  batch.version = *std::move(version);
  if (batch.version->features->size() == 0) {
    Answer answer;
    answer.version = batch.version;
    co_return StartFromRequest(shared, answer);
  }
  const absl::Status common = CheckMaxFeatureAge(shared.max_feature_age);
  if (!common.ok()) co_return common;
  batch.rows.resize(user_ids.size());
  BatchLine& line = BatchesOf(*batch.version).line;
  absl::Status status = CheckLine(line, static_cast<int>(user_ids.size()), call);
  if (!status.ok()) co_return status;
  for (size_t begin = 0; begin < user_ids.size();) {
    Scope scope;
    RowsAtHand at_hand(*this, scope, shared, call, *batch.version);
    const absl::StatusOr<int> begun =
        co_await Begin(scope, at_hand, user_ids, begin, shared, call, batch);
    if (!begun.ok()) co_return begun.status();
    co_await scope.Done();
    line.Answered(*begun);
    begin += *begun;
    status = call.Check(line_.loop.Now(), "all rows were answered");
    if (!status.ok()) {
      const int left = static_cast<int>(user_ids.size() - begin);
      if (left > 0) NoteGivenUp(line_.metrics, status, Stage::kQueue, left);
      co_return status;
    }
  }
  for (const BatchRow& row : batch.rows) {
    if (line_.shadow != nullptr && row.status.ok()) line_.shadow->Offer(row.answer, batch.version);
  }
  co_return batch;
}

Predictor::OfModel& Predictor::BatchesOf(const repository::Version& version) {
  std::unique_ptr<OfModel>& batches = batches_of_[version.model];
  if (batches == nullptr) {
    batches.reset(
        new OfModel{BatchLine(line_.loop), HistogramTally(version.lane->metrics().output)});
  }
  return *batches;
}

absl::Status Predictor::CheckLine(const BatchLine& line, int rows, const CallContext& call) {
  const absl::Duration time = line.ExpectedTime(rows);
  if (line_.loop.Now() + time <= call.deadline) return absl::OkStatus();
  const absl::Status status = absl::DeadlineExceededError(
      absl::StrCat("the deadline would pass behind ", line.rows(),
                   " rows of other batches, which take about ", absl::FormatDuration(time)));
  NoteGivenUp(line_.metrics, status, Stage::kQueue, rows);
  return status;
}

Task<absl::StatusOr<int>> Predictor::Begin(Scope& scope, RowsAtHand& at_hand,
                                           absl::Span<const absl::string_view> user_ids,
                                           size_t from, const Request& shared,
                                           const CallContext& call, BatchAnswer& batch) {
  const int left = static_cast<int>(user_ids.size() - from);
  BatchLine& line = BatchesOf(*batch.version).line;
  BatchLine::Place place(line, left);
  co_await place;
  int room = 0;
  while (true) {
    const absl::Status status = call.Check(line_.loop.Now(), "its rows were begun");
    if (!status.ok()) {
      NoteGivenUp(line_.metrics, status, Stage::kQueue, left);
      co_return status;
    }
    room = line.Room(batch.version->lane->queue_limit(), left);
    if (room > 0) break;
    if (line.under_way()) {
      co_await line.NextAnswered();
    } else {
      co_await line_.loop.Sleep(kNextLook);
    }
  }
  place.Leave(room);
  at_hand.Start(room);
  const bool from_cache = line_.reader != nullptr && shared.max_feature_age > absl::ZeroDuration();
  const repository::VersionHandle borrowed(repository::VersionHandle(), batch.version.get());
  for (int i = 0; i < room; ++i) {
    BatchRow& row = batch.rows[from + i];
    row.answer.version = borrowed;
    if (from_cache && i + kPrefetchAhead < room) {
      line_.reader->PrefetchLocal(user_ids[from + i + kPrefetchAhead]);
    }
    if (at_hand.Begin(user_ids[from + i], row)) continue;
    scope.Spawn(RunBatchRow(user_ids[from + i], shared, call, row));
  }
  at_hand.AllBegun();
  co_return room;
}

Task<void> Predictor::RunBatchRow(absl::string_view user_id, const Request& shared,
                                  const CallContext& call, BatchRow& row) {
  Request request = shared;
  request.user_id = user_id;
  if (!absl::IsResourceExhausted(row.status)) {
    row.status = co_await Run(request, call, row.answer, Features::kUnknown);
  }
  // Others took the room meanwhile: the row waits for its turn, up to the caller's deadline.
  while (absl::IsResourceExhausted(row.status) && call.Check(line_.loop.Now(), "").ok()) {
    co_await line_.loop.Sleep(kNextLook);
    row.status = co_await Run(request, call, row.answer, Features::kKnown);
  }
}

}  // namespace predictd::predict
