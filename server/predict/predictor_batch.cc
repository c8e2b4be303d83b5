// PredictBatch: the same line for many users, a piece at a time.
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/predict/answer_size.h"
#include "server/predict/predictor.h"
#include "server/predict/rows_at_hand.h"

namespace predictd::predict {
namespace {

// How soon a batch looks again whether the queue has room for its next rows.
constexpr absl::Duration kNextLook = absl::Milliseconds(1);
// Pieces whose memory is kept.
constexpr size_t kSpareRows = 2;

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
  const size_t row_bytes = OutputsPerRow(batch.version->lane->options()) * sizeof(float) +
                           (line_.save_mode == SaveMode::kOff ? 0 : BatchAnswer::kBytesPerId);
  absl::Status status =
      CheckAnswerSize("user_ids", user_ids.size(), user_ids.size() * row_bytes, line_.max_answer);
  if (!status.ok()) co_return status;
  BatchLine& line = BatchesOf(*batch.version).line;
  status = CheckLine(line, static_cast<int>(user_ids.size()), call);
  if (!status.ok()) co_return status;
  for (size_t begin = 0; begin < user_ids.size() && status.ok();) {
    std::vector<BatchRow> rows;
    Scope scope;
    RowsAtHand at_hand(*this, scope, shared, call, *batch.version);
    status =
        co_await Begin(scope, at_hand, user_ids.subspan(begin), shared, call, *batch.version, rows);
    if (!status.ok()) break;
    // Where all rows failed at once, others have their turn all the same.
    if (scope.running() == 0) co_await line_.loop.Sleep(absl::ZeroDuration());
    co_await scope.Done();
    line.Answered(static_cast<int>(rows.size()));
    TakePiece(begin, absl::MakeSpan(rows), batch);
    begin += rows.size();
    rows.clear();
    if (spare_rows_.size() < kSpareRows) spare_rows_.push_back(std::move(rows));
    status = CheckAnswerSize("user_ids", begin, batch.bytes(), line_.max_answer);
    if (status.ok()) status = call.Check(line_.loop.Now(), "all rows were answered");
    const int left = static_cast<int>(user_ids.size() - begin);
    if (left > 0) NoteGivenUp(line_.metrics, status, Stage::kQueue, left);
  }
  if (!status.ok()) co_return status;
  co_return batch;
}

void Predictor::TakePiece(size_t begin, absl::Span<BatchRow> rows, BatchAnswer& batch) {
  const int width = OutputsPerRow(batch.version->lane->options());
  for (size_t i = 0; i < rows.size(); ++i) {
    BatchRow& row = rows[i];
    if (row.status.ok()) {
      const OutputValues& outputs = row.answer.outputs;
      batch.outputs.insert(batch.outputs.end(), outputs.begin(), outputs.end());
      if (line_.shadow != nullptr) line_.shadow->Offer(row.answer, batch.version);
    } else {
      batch.outputs.insert(batch.outputs.end(), width, std::numeric_limits<float>::quiet_NaN());
      batch.errors.push_back({begin + i, std::move(row.status)});
      row.answer.prediction_id.clear();  // of a save that failed: it stands nowhere
    }
    if (line_.save_mode == SaveMode::kOff) continue;
    batch.prediction_ids.push_back(std::move(row.answer.prediction_id));
  }
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

Task<absl::Status> Predictor::Begin(Scope& scope, RowsAtHand& at_hand,
                                    absl::Span<const absl::string_view> user_ids,
                                    const Request& shared, const CallContext& call,
                                    const repository::Version& version,
                                    std::vector<BatchRow>& rows) {
  const int left = static_cast<int>(user_ids.size());
  BatchLine& line = BatchesOf(version).line;
  BatchLine::Place place(line, left);
  co_await place;
  int room = 0;
  while (true) {
    absl::Status status = call.Check(line_.loop.Now(), "its rows were begun");
    if (!status.ok()) {
      NoteGivenUp(line_.metrics, status, Stage::kQueue, left);
      co_return status;
    }
    room = line.Room(version.lane->queue_limit(), left);
    if (room > 0) break;
    if (line.under_way()) {
      co_await line.NextAnswered();
    } else {
      co_await line_.loop.Sleep(kNextLook);
    }
  }
  place.Leave(room);
  if (!spare_rows_.empty()) {
    rows = std::move(spare_rows_.back());
    spare_rows_.pop_back();
  }
  rows.resize(room);
  at_hand.Start(room);
  const bool from_cache = line_.reader != nullptr && shared.max_feature_age > absl::ZeroDuration();
  const repository::VersionHandle borrowed(repository::VersionHandle(), &version);
  for (int i = 0; i < room; ++i) {
    rows[i].answer.version = borrowed;
    if (from_cache) line_.reader->PrefetchLocal(user_ids.subspan(i));
    if (at_hand.Begin(user_ids[i], rows[i])) continue;
    scope.Spawn(RunBatchRow(user_ids[i], shared, call, rows[i]));
  }
  at_hand.AllBegun();
  co_return absl::OkStatus();
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
