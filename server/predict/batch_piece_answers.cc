// What becomes of a piece's rows.
#include <algorithm>
#include <cmath>
#include <utility>

#include "server/predict/batch_piece.h"

namespace predictd::predict {

void BatchPiece::BlockAnswered(Block& block) {
  int failed = 0;
  int failed_in_model = 0;
  auto failure = block.failed.begin();
  for (int i = 0; i < block.rows; ++i) {
    absl::Status status = block.status;
    if (failure != block.failed.end() && failure->first == i) {
      status = std::move((failure++)->second);
    }
    status = TakeRow(block.index + i, std::move(status));
    if (status.ok()) continue;
    ++failed;
    if (absl::IsInternal(status)) ++failed_in_model;
    Fail(memory_->positions[block.index + i], std::move(status));
  }
  Count(block.rows - failed, failed, failed_in_model);
  scope_.Leave();
}

absl::Status BatchPiece::TakeRow(int row, absl::Status status) {
  const absl::Span<float> outputs = OutputsAt(memory_->positions[row]);
  if (status.ok()) status = tensors_->TakeOutputs(row, outputs);
  if (!status.ok()) return status;
  if (!outputs.empty()) output_values_.Observe(outputs[0]);
  if (line_.save_mode == SaveMode::kAfterReply) Save(row);
  return status;
}

void BatchPiece::Save(int row) {
  const int position = memory_->positions[row];
  const absl::Span<const float> outputs = OutputsAt(position);
  request_.user_id = user_ids_[position];
  answer_.features = FeaturesOf(row);
  answer_.outputs.assign(outputs.begin(), outputs.end());
  predictor_.SaveLater(request_, answer_);
  batch_.prediction_ids[begin_ + position] = std::move(answer_.prediction_id);
}

void BatchPiece::Finish() {
  const bool shadowed = line_.shadow != nullptr && line_.shadow->Follows(version_);
  if (shadowed) {
    for (const Block& block : blocks_) OfferToShadow(block);
  }
  for (LateRows::LateRow& row : late_.rows()) {
    if (!row.status.ok()) {
      Fail(row.position, std::move(row.status));
      continue;
    }
    std::copy(row.answer.outputs.begin(), row.answer.outputs.end(),
              OutputsAt(row.position).begin());
    if (line_.save_mode != SaveMode::kOff) {
      batch_.prediction_ids[begin_ + row.position] = std::move(row.answer.prediction_id);
    }
    if (shadowed) line_.shadow->Offer(row.answer, batch_.version);
  }
  std::sort(batch_.errors.begin() + errors_before_, batch_.errors.end(),
            [](const auto& a, const auto& b) { return a.row < b.row; });
}

void BatchPiece::OfferToShadow(const Block& block) {
  for (int row = block.index; row < block.index + block.rows; ++row) {
    const absl::Span<const float> outputs = OutputsAt(memory_->positions[row]);
    // What a model gives is finite: the row failed.
    if (outputs.empty() || std::isnan(outputs[0])) continue;
    answer_.features = FeaturesOf(row);
    answer_.outputs.assign(outputs.begin(), outputs.end());
    answer_.times.model = block.model_time;
    line_.shadow->Offer(answer_, batch_.version);
  }
}

FeatureValues BatchPiece::FeaturesOf(int row) const {
  const size_t size = version_.features->size();
  const auto begin = memory_->features.begin() + row * size;
  return FeatureValues(begin, begin + size);
}

absl::Span<float> BatchPiece::OutputsAt(int position) {
  return absl::MakeSpan(batch_.outputs).subspan((begin_ + position) * width_, width_);
}

void BatchPiece::Fail(int position, absl::Status status) {
  const absl::Span<float> outputs = OutputsAt(position);
  std::fill(outputs.begin(), outputs.end(), kNone);
  batch_.message_bytes += status.message().size();
  batch_.errors.push_back({begin_ + position, std::move(status)});
}

void BatchPiece::Count(int answered, int failed, int failed_in_model) {
  version_.outcomes.CountMany(answered, failed_in_model);
  batching::LaneStatistics& statistics = version_.lane->statistics();
  const absl::Duration took = line_.loop.Now() - start_;
  if (answered > 0) statistics.RecordRequests(true, answered, took * answered);
  if (failed > 0) statistics.RecordRequests(false, failed, took * failed);
  output_values_.Flush();
}

}  // namespace predictd::predict
