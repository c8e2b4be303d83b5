#include "server/predict/late_rows.h"

namespace predictd::predict {

void LateRows::Add(int position) {
  LateRow& row = rows_.emplace_back();
  row.position = position;
  row.answer.version = version_;
}

void LateRows::AddRefused(int position, absl::Status refusal, FeatureValues features,
                          FeatureOrigin origin) {
  Add(position);
  LateRow& row = rows_.back();
  row.status = std::move(refusal);
  row.answer.features = std::move(features);
  row.answer.origin = origin;
}

void LateRows::Begin(absl::Span<const absl::string_view> user_ids, Scope& scope) {
  for (LateRow& row : rows_) scope.Spawn(Run(user_ids[row.position], row));
}

Task<void> LateRows::Run(absl::string_view user_id, LateRow& row) {
  Request request = shared_;
  request.user_id = user_id;
  Loop& loop = predictor_.line_.loop;
  const absl::Time start = loop.Now();
  if (!absl::IsResourceExhausted(row.status)) {
    row.status = co_await predictor_.Run(request, call_, row.answer, Predictor::Row::kOfBatch);
  }
  // The row waits for its turn, up to the caller's deadline.
  while (absl::IsResourceExhausted(row.status) && call_.Check(loop.Now(), "").ok()) {
    co_await loop.Sleep(kNextLookForRoom);
    row.status = co_await predictor_.Run(request, call_, row.answer, Predictor::Row::kOfBatchAgain);
  }
  if (absl::IsResourceExhausted(row.status)) {
    predictor_.line_.metrics.CountRowsDropped(DropReason::kQueueFull, Stage::kQueue);
    version_->lane->statistics().RecordRequests(false, 1, loop.Now() - start);
  }
}

}  // namespace predictd::predict
