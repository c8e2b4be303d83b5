#include "server/predict/rows_at_hand.h"

#include <utility>

#include "absl/status/status.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {
namespace {

// Few enough that what slow models do shows soon.
constexpr int kCountedTogether = 64;

}  // namespace

// Lives in its piece; Run() is called when the model has been run on it.
struct RowsAtHand::RowAtHand final : batching::Row {
  RowAtHand(RowsAtHand& of_piece, absl::string_view user, BatchRow& of_batch)
      : piece(of_piece),
        user_id(user),
        batch_row(of_batch),
        tensors(piece.predictor_.TensorsOf(batch_row.answer, piece.call_, *this)) {}
  void Run() override { piece.Answered(*this); }

  RowsAtHand& piece;
  const absl::string_view user_id;
  BatchRow& batch_row;
  RowTensors tensors;
};

RowsAtHand::RowsAtHand(Predictor& predictor, Scope& scope, const Request& shared,
                       const CallContext& call, const repository::Version& version)
    : predictor_(predictor),
      scope_(scope),
      request_(shared),
      call_(call),
      version_(version),
      outputs_(predictor.BatchesOf(version).outputs) {}

RowsAtHand::~RowsAtHand() = default;

void RowsAtHand::Start(int rows) {
  most_ = rows;
  start_ = predictor_.line_.loop.Now();
}

bool RowsAtHand::Begin(absl::string_view user_id, BatchRow& row) {
  // Somebody has to wait for a save before the reply.
  if (predictor_.line_.save_mode == SaveMode::kBeforeReply) return false;
  request_.user_id = user_id;
  bool at_hand = false;
  absl::Status status = predictor_.StartRow(request_, call_, row.answer, &at_hand);
  if (status.ok() && !at_hand) return false;
  status = predictor_.FeaturesDone(std::move(status), call_, start_, row.answer);
  if (!status.ok()) {
    row.status = std::move(status);
    return true;
  }
  if (rows_ == nullptr) rows_ = std::make_unique<std::optional<RowAtHand>[]>(most_);
  RowAtHand& begun = rows_[begun_].emplace(*this, user_id, row);
  row.status = predictor_.line_.batches.Add(*version_.lane, begun);
  if (row.status.ok()) {
    ++begun_;
    ++under_way_;
    scope_.Enter();
    return true;
  }
  rows_[begun_].reset();
  if (absl::IsResourceExhausted(row.status)) return false;
  Count(row);
  return true;
}

void RowsAtHand::AllBegun() {
  predictor_.row_metrics_.Flush();
  if (counts_.rows() > 0) ShowCounts();
}

void RowsAtHand::Answered(RowAtHand& row) {
  BatchRow& batch_row = row.batch_row;
  batch_row.status = Predictor::TakeRow(std::move(row.status), row, row.tensors, batch_row.answer);
  Count(batch_row);
  if (batch_row.status.ok() && predictor_.line_.save_mode == SaveMode::kAfterReply) {
    request_.user_id = row.user_id;
    predictor_.SaveLater(request_, batch_row.answer);
  }
  --under_way_;
  if (under_way_ == 0 || counts_.rows() >= kCountedTogether) ShowCounts();
  scope_.Leave();
}

void RowsAtHand::Count(const BatchRow& row) {
  if (!row.status.ok()) {
    ++counts_.failed;
    if (absl::IsInternal(row.status)) ++counts_.failed_in_model;
    return;
  }
  ++counts_.answered;
  if (!row.answer.outputs.empty()) outputs_.Observe(row.answer.outputs[0]);
}

void RowsAtHand::ShowCounts() {
  version_.outcomes.CountMany(counts_.answered, counts_.failed_in_model);
  batching::LaneStatistics& statistics = version_.lane->statistics();
  const absl::Duration took = predictor_.line_.loop.Now() - start_;
  if (counts_.answered > 0) {
    statistics.RecordRequests(true, counts_.answered, took * counts_.answered);
  }
  if (counts_.failed > 0) statistics.RecordRequests(false, counts_.failed, took * counts_.failed);
  outputs_.Flush();
  counts_ = {};
}

}  // namespace predictd::predict
