// A piece of a batch on its way: its rows go through the model in blocks.
#ifndef PREDICTD_SERVER_PREDICT_BATCH_PIECE_H_
#define PREDICTD_SERVER_PREDICT_BATCH_PIECE_H_

#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/scope.h"
#include "server/base/histogram_tally.h"
#include "server/batching/row.h"
#include "server/predict/batch_answer.h"
#include "server/predict/batch_memory.h"
#include "server/predict/late_rows.h"
#include "server/predict/predictor.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {

// Rows that the in-process cache has are looked up together, form one matrix and run as blocks of
// it, so that a row costs little more than its run. The others are late ones. Loop's thread only.
class BatchPiece {
 public:
  // `user_ids` are those of `batch` from its `begin`-th row on, which is the first one without an
  // answer; `shared` says what the rows have in common. All outlive it.
  BatchPiece(Predictor& predictor, absl::Span<const absl::string_view> user_ids,
             const Request& shared, const CallContext& call, size_t begin, BatchAnswer& batch);
  ~BatchPiece();
  BatchPiece(const BatchPiece&) = delete;
  BatchPiece& operator=(const BatchPiece&) = delete;

  // Begins all rows; once.
  void Begin();
  bool running() const { return scope_.running() > 0; }
  // Awaitable, by one: resumes when no row is under way.
  auto Done() { return scope_.Done(); }
  // Then: completes the batch's answer to these rows.
  void Finish();

 private:
  // Consecutive rows at hand; Run() is called when the model has been run on them.
  struct Block final : batching::Row {
    explicit Block(BatchPiece& of_piece) : piece(of_piece) {}
    void Run() override { piece.BlockAnswered(*this); }

    BatchPiece& piece;
  };

  static constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

  bool CacheAnswers() const;
  void FindRows();
  // Puts what is stored of a user behind the features of the rows at hand.
  absl::Status AddFeatures(const float* stored, const std::vector<int>& columns);
  void AddBlocks();
  void BlockRefused(const Block& block, const absl::Status& status);
  void BlockAnswered(Block& block);
  // Of a row at hand: `status` is what the model said.
  absl::Status TakeRow(int row, absl::Status status);
  void Save(int row);
  void OfferToShadow(const Block& block);
  FeatureValues FeaturesOf(int row) const;
  absl::Span<float> OutputsAt(int position);
  void Fail(int position, absl::Status status);
  // Of rows that came back from the model.
  void Count(int answered, int failed, int failed_in_model);

  Predictor& predictor_;
  const Line& line_;
  const absl::Span<const absl::string_view> user_ids_;
  Request request_;  // of one row after the other
  const CallContext& call_;
  const size_t begin_;
  const size_t errors_before_;
  BatchAnswer& batch_;
  const repository::Version& version_;
  const int width_;  // outputs per row
  HistogramTally& output_values_;
  // A row at hand as if it had come alone. Its version is borrowed from the batch, as those of late
  // rows are: references counted by all loops would be a good part of what a row costs.
  Answer answer_;
  LateRows late_;
  absl::Time start_;
  std::unique_ptr<BatchMemory> memory_;
  std::optional<RowTensors> tensors_;
  std::deque<Block> blocks_;
  Scope scope_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_BATCH_PIECE_H_
