#include "server/predict/rows_at_hand.h"

#include <utility>

#include "absl/status/status.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {
namespace {

// Few enough that what slow models do shows soon.
constexpr uint32_t kCountedTogether = 64;

}  // namespace

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
      version_(version),
      outputs_(version.lane->metrics().output) {}

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
  row.status = predictor_.line_.batches.Add(*version_.lane, begun);
  if (row.status.ok()) {
    ++begun_;
    ++under_way_;
    return true;
  }
  rows_[begun_].reset();
  if (absl::IsResourceExhausted(row.status)) {
    row.answer.missing.clear();
    return false;
  }
  version_.lane->statistics().RecordRequests(false, 1, predictor_.line_.loop.Now() - start);
  return true;
}

void RowsAtHand::Answered(RowAtHand& row) {
  Answer& answer = row.batch_row.answer;
  row.batch_row.status = std::move(row.status);
  const absl::Status& status = row.batch_row.status;
  Predictor::TakeRow(status, row, row.tensors, answer);
  Count(row);
  if (status.ok() && predictor_.line_.save_mode == SaveMode::kAfterReply) {
    request_.user_id = row.user_id;
    predictor_.SaveLater(request_, answer);
  }
  --under_way_;
  if (under_way_ == 0 || counts_.rows() == kCountedTogether) ShowCounts();
  if (under_way_ == 0 && waiting_) std::exchange(waiting_, nullptr).resume();
}

void RowsAtHand::Count(const RowAtHand& row) {
  // When its batch ended: without a look at the clock.
  const absl::Duration took = row.added_at + row.queue_time + row.model_time - row.start;
  const absl::Status& status = row.batch_row.status;
  if (!status.ok()) {
    ++counts_.failed;
    counts_.failed_took += took;
    if (absl::IsInternal(status)) ++counts_.failed_in_model;
    return;
  }
  ++counts_.answered;
  counts_.answered_took += took;
  const OutputValues& outputs = row.batch_row.answer.outputs;
  if (!outputs.empty()) outputs_.Observe(outputs[0]);
}

void RowsAtHand::ShowCounts() {
  version_.outcomes.CountMany(counts_.answered, counts_.failed_in_model);
  batching::LaneStatistics& statistics = version_.lane->statistics();
  statistics.RecordRequests(true, counts_.answered, counts_.answered_took);
  statistics.RecordRequests(false, counts_.failed, counts_.failed_took);
  outputs_.Flush();
  counts_ = {};
}

}  // namespace predictd::predict
