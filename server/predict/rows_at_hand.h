// Rows of a batch that need not wait for their features.
#ifndef PREDICTD_SERVER_PREDICT_ROWS_AT_HAND_H_
#define PREDICTD_SERVER_PREDICT_ROWS_AT_HAND_H_

#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/scope.h"
#include "server/base/histogram_tally.h"
#include "server/predict/predictor.h"

namespace predictd::predict {

// A piece of a batch, begun at once: its rows go through the model without a coroutine each, and
// what is counted of them is counted together. Loop's thread only.
class RowsAtHand {
 public:
  // All outlive it; `shared` says what the rows have in common, `version` is the one of each. Rows
  // that are under way have entered `scope`: await its Done() before this is destroyed.
  RowsAtHand(Predictor& predictor, Scope& scope, const Request& shared, const CallContext& call,
             const repository::Version& version);
  ~RowsAtHand();
  RowsAtHand(const RowsAtHand&) = delete;
  RowsAtHand& operator=(const RowsAtHand&) = delete;

  // Once, before the first Begin and in the same piece of work as all of them: there will be at
  // most `rows`.
  void Start(int rows);

  // Begins a row; the version of its answer is set. False, and nothing was begun, where it has to
  // wait: for its features, or with RESOURCE_EXHAUSTED as its status for room in the queue.
  // `user_id` and `row` outlive the scope.
  bool Begin(absl::string_view user_id, BatchRow& row);

  // After the last Begin: what was counted so far shows in the metrics.
  void AllBegun();

 private:
  struct RowAtHand;
  // Rows that came back from the model and are not yet shown.
  struct Counts {
    int answered = 0;
    int failed = 0;
    int failed_in_model = 0;

    int rows() const { return answered + failed; }
  };

  void Answered(RowAtHand& row);
  void Count(const BatchRow& row);
  void ShowCounts();

  Predictor& predictor_;
  Scope& scope_;
  Request request_;  // of one row after the other
  const CallContext& call_;
  const repository::Version& version_;
  absl::Time start_;
  HistogramTally& outputs_;
  int most_ = 0;
  std::unique_ptr<std::optional<RowAtHand>[]> rows_;  // once there is one
  int begun_ = 0;
  int under_way_ = 0;
  Counts counts_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_ROWS_AT_HAND_H_
