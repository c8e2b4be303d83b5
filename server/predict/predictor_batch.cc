// PredictBatch: the same line for many users, a piece at a time.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/predict/answer_size.h"
#include "server/predict/batch_piece.h"
#include "server/predict/predictor.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {

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
  for (size_t begin = 0; begin < user_ids.size();) {
    const absl::StatusOr<int> room =
        co_await WaitForRoom(static_cast<int>(user_ids.size() - begin), call, *batch.version);
    if (!room.ok()) co_return room.status();
    BatchPiece piece(*this, user_ids.subspan(begin, *room), shared, call, begin, batch);
    piece.Begin();
    // Where all rows failed at once, others have their turn all the same.
    if (!piece.running()) co_await line_.loop.Sleep(absl::ZeroDuration());
    co_await piece.Done();
    line.Answered(*room);
    piece.Finish();
    begin += *room;
    status = CheckAnswerSize("user_ids", begin, batch.bytes(), line_.max_answer);
    if (status.ok()) status = call.Check(line_.loop.Now(), "all rows were answered");
    if (status.ok()) continue;
    const int left = static_cast<int>(user_ids.size() - begin);
    if (left > 0) NoteGivenUp(line_.metrics, status, Stage::kQueue, left);
    co_return status;
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

Task<absl::StatusOr<int>> Predictor::WaitForRoom(int rows, const CallContext& call,
                                                 const repository::Version& version) {
  BatchLine& line = BatchesOf(version).line;
  BatchLine::Place place(line, rows);
  co_await place;
  while (true) {
    const absl::Status status = call.Check(line_.loop.Now(), "its rows were begun");
    if (!status.ok()) {
      NoteGivenUp(line_.metrics, status, Stage::kQueue, rows);
      co_return status;
    }
    const int room = line.Room(version.lane->queue_limit(), rows);
    if (room > 0) {
      place.Leave(room);
      co_return room;
    }
    if (line.under_way()) {
      co_await line.NextAnswered();
    } else {
      co_await line_.loop.Sleep(kNextLookForRoom);
    }
  }
}

}  // namespace predictd::predict
