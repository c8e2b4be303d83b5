#include "server/predict/rows_at_hand.h"

#include <utility>

#include "absl/status/status.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {

// Lives in its piece; Run() is called when the model has been run on it.
struct RowsAtHand::RowAtHand final : batching::Row {
  RowAtHand(RowsAtHand& of_piece, absl::string_view user, BatchRow& of_batch)
      : piece(of_piece),
        user_id(user),
        batch_row(of_batch),
        start(piece.predictor_.line_.loop.Now()),
        tensors(piece.predictor_.TensorsOf(batch_row.answer, piece.call_, *this)) {}
  void Run() override { piece.Answered(*this); }

  RowsAtHand& piece;
  const absl::string_view user_id;
  BatchRow& batch_row;
  const absl::Time start;
  RowTensors tensors;
};

RowsAtHand::RowsAtHand(Predictor& predictor, const Request& shared, const CallContext& call,
                       const repository::Version& version)
    : predictor_(predictor),
      request_(shared),
      call_(call),
      lane_(*version.lane),
      outputs_(lane_.metrics().output) {}

RowsAtHand::~RowsAtHand() = default;

void RowsAtHand::Expect(int rows) { rows_ = std::make_unique<std::optional<RowAtHand>[]>(rows); }

bool RowsAtHand::Begin(absl::string_view user_id, BatchRow& row) {
  // Somebody has to wait for a save before the reply.
  if (predictor_.line_.save_mode == SaveMode::kBeforeReply) return false;
  request_.user_id = user_id;
  const absl::Time start = predictor_.line_.loop.Now();
  bool at_hand = false;
  absl::Status status = predictor_.StartRow(request_, call_, row.answer, &at_hand);
  if (status.ok() && !at_hand) return false;
  status = predictor_.FeaturesDone(std::move(status), call_, start, row.answer);
  if (!status.ok()) {
    row.status = std::move(status);
    return true;
  }
  RowAtHand& begun = rows_[begun_].emplace(*this, user_id, row);
  row.status = predictor_.line_.batches.Add(lane_, begun);
  if (row.status.ok()) {
    ++begun_;
    ++under_way_;
    return true;
  }
  rows_[begun_].reset();
  row.answer.missing.clear();
  return !absl::IsResourceExhausted(row.status);
}

void RowsAtHand::Answered(RowAtHand& row) {
  Answer& answer = row.batch_row.answer;
  row.batch_row.status =
      predictor_.RowDone(std::move(row.status), row, row.tensors, row.start, answer);
  if (row.batch_row.status.ok()) {
    if (!answer.outputs.empty()) outputs_.Observe(answer.outputs[0]);
    if (predictor_.line_.save_mode == SaveMode::kAfterReply) {
      request_.user_id = row.user_id;
      predictor_.SaveLater(request_, answer);
    }
  }
  if (--under_way_ > 0) return;
  outputs_.Flush();
  if (waiting_) std::exchange(waiting_, nullptr).resume();
}

}  // namespace predictd::predict
