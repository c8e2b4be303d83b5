// Rows of a batch that have to wait: for their features, for room in the queue, or for a save
// before the reply.
#ifndef PREDICTD_SERVER_PREDICT_LATE_ROWS_H_
#define PREDICTD_SERVER_PREDICT_LATE_ROWS_H_

#include <deque>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/predict/predictor.h"

namespace predictd::predict {

// Each is predicted by itself, as if it had come alone. Loop's thread only.
class LateRows {
 public:
  struct LateRow {
    int position;  // in the piece
    absl::Status status;
    Answer answer;  // where OK
  };

  // All outlive it; `shared` says what the rows have in common, `version` is of each answer.
  LateRows(Predictor& predictor, const Request& shared, const CallContext& call,
           repository::VersionHandle version)
      : predictor_(predictor), shared_(shared), call_(call), version_(std::move(version)) {}

  void Add(int position);
  // One whose features are known, for which the queue had no room.
  void AddRefused(int position, absl::Status refusal, FeatureValues features, FeatureOrigin origin);

  // Begins those that were added, as tasks of `scope`; once. `user_ids` are the piece's.
  void Begin(absl::Span<const absl::string_view> user_ids, Scope& scope);

  // What became of them, once the scope is done.
  std::deque<LateRow>& rows() { return rows_; }

 private:
  Task<void> Run(absl::string_view user_id, LateRow& row);

  Predictor& predictor_;
  const Request& shared_;
  const CallContext& call_;
  const repository::VersionHandle version_;
  std::deque<LateRow> rows_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_LATE_ROWS_H_
