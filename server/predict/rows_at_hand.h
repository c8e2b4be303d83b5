// Rows of a batch that need not wait for their features.
#ifndef PREDICTD_SERVER_PREDICT_ROWS_AT_HAND_H_
#define PREDICTD_SERVER_PREDICT_ROWS_AT_HAND_H_

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/histogram_tally.h"
#include "server/predict/predictor.h"

namespace predictd::predict {

// A piece of a batch: its rows go through the model without a coroutine each, and what is counted
// of them is counted together. Loop's thread only. Every row begun has been answered before it is
// destroyed; await Done() to see to it.
class RowsAtHand {
 public:
  // All outlive it; `shared` says what the rows have in common, `version` is the one of each.
  RowsAtHand(Predictor& predictor, const Request& shared, const CallContext& call,
             const repository::Version& version);
  ~RowsAtHand();
  RowsAtHand(const RowsAtHand&) = delete;
  RowsAtHand& operator=(const RowsAtHand&) = delete;

  // Before the first Begin, once: there will be at most `rows`.
  void Expect(int rows);

  // Begins a row, whose answer has its version. False, and nothing was begun, where it has to wait
  // for its features or for room in the queue. `user_id` and `row` outlive Done().
  bool Begin(absl::string_view user_id, BatchRow& row);

  // After the last Begin: what was counted of features so far shows in the metrics.
  void AllBegun() { predictor_.row_metrics_.Flush(); }

  // Awaitable, by one: resumes within the last row's end, or at once when none is under way.
  auto Done() {
    struct Awaiter {
      RowsAtHand& rows;
      bool await_ready() const { return rows.under_way_ == 0; }
      void await_suspend(std::coroutine_handle<> waiting) { rows.waiting_ = waiting; }
      void await_resume() const {}
    };
    return Awaiter{*this};
  }

 private:
  struct RowAtHand;
  // Rows that came back from the model and are not yet shown.
  struct Counts {
    uint32_t answered = 0;
    uint32_t failed = 0;
    uint32_t failed_in_model = 0;
    absl::Duration answered_took;
    absl::Duration failed_took;

    uint32_t rows() const { return answered + failed; }
  };

  void Answered(RowAtHand& row);
  void Count(const RowAtHand& row);
  void ShowCounts();

  Predictor& predictor_;
  Request request_;  // of one row after the other
  const CallContext& call_;
  const repository::Version& version_;
  Counts counts_;
  HistogramTally outputs_;
  std::unique_ptr<std::optional<RowAtHand>[]> rows_;
  int begun_ = 0;
  int under_way_ = 0;
  std::coroutine_handle<> waiting_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_ROWS_AT_HAND_H_
