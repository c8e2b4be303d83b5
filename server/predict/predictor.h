// The straight line of a prediction: model version -> features -> outputs -> saved -> answered.
#ifndef PREDICTD_SERVER_PREDICT_PREDICTOR_H_
#define PREDICTD_SERVER_PREDICT_PREDICTOR_H_

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/histogram_tally.h"
#include "server/base/metrics.h"
#include "server/batching/turn_batches.h"
#include "server/features/reader.h"
#include "server/predict/batch_answer.h"
#include "server/predict/batch_line.h"
#include "server/predict/batch_memory.h"
#include "server/predict/feature_merge.h"
#include "server/predict/request.h"
#include "server/predict/row_metrics.h"
#include "server/predict/shadow.h"
#include "server/repository/catalog.h"
#include "server/save/prediction_id.h"
#include "server/save/writer.h"

namespace predictd::predict {

class BatchPiece;
class LateRows;

// What would help where a stored row lacks a feature.
inline constexpr absl::string_view kMissingInRow =
    "store them in the user's row or send them with the request";

enum class SaveMode { kOff, kAfterReply, kBeforeReply };

// What the line runs through. All outlive the predictor.
struct Line {
  Loop& loop;
  const repository::Catalog& catalog;
  features::Reader* reader;  // null without any store
  batching::TurnBatches& batches;
  save::Writer* writer;  // null with kOff
  SaveMode save_mode;
  Metrics& metrics;
  Shadow* shadow = nullptr;  // null: config.json's shadow is not run
  // Most bytes of the answer to a batch.
  size_t max_answer = std::numeric_limits<size_t>::max();
};

// One per loop; loop's thread only. Outlives its tasks.
class Predictor {
 public:
  explicit Predictor(Line line) : line_(line), row_metrics_(line.metrics) {}

  // Fills `answer`, which is nothing yet; of no use where the status is not OK. All three outlive
  // the task.
  Task<absl::Status> Predict(const Request& request, const CallContext& call, Answer& answer);

  // The same model version for all; `shared` says what the rows have in common. A row that fails
  // fails alone. A batch waits for room in the queue rather than being refused, and is fed in
  // pieces; DEADLINE_EXCEEDED at once where those that wait already take too long;
  // INVALID_ARGUMENT as soon as the answer is known to be too large. `user_ids`, `shared` and
  // `call` outlive the task.
  Task<absl::StatusOr<BatchAnswer>> PredictBatch(absl::Span<const absl::string_view> user_ids,
                                                 const Request& shared, const CallContext& call);

  // What was saved. FAILED_PRECONDITION where nothing is, NOT_FOUND for an unknown id.
  Task<absl::StatusOr<Prediction>> GetPrediction(std::string prediction_id,
                                                 const CallContext& call);

 private:
  friend class BatchPiece;
  friend class LateRows;

  // Whose row it is. Of a batch, the shadow is offered the whole. Again: it found the queue full,
  // and the answer has its features.
  enum class Row { kSingle, kOfBatch, kOfBatchAgain };

  // The line after the version was found: `answer.version` is set. RESOURCE_EXHAUSTED where the
  // queue is full, which is counted for a single row only.
  Task<absl::Status> Run(const Request& request, const CallContext& call, Answer& answer,
                         Row row_of);
  // After its features, or why they are missing, are there; counts them. It began at `start`.
  absl::Status FeaturesDone(absl::Status status, const CallContext& call, absl::Time start,
                            Answer& answer);

  // What batches of one model share.
  struct OfModel {
    BatchLine line;
    HistogramTally outputs;
  };
  OfModel& BatchesOf(const repository::Version& version);
  // DEADLINE_EXCEEDED where a batch of `rows` that joins the line now would wait for too long.
  absl::Status CheckLine(const BatchLine& line, int rows, const CallContext& call);
  // Waits in the line until some of `rows` may begin: how many.
  Task<absl::StatusOr<int>> WaitForRoom(int rows, const CallContext& call,
                                        const repository::Version& version);

  // Fills `answer.features` without waiting where the request or the in-process cache can; sets
  // `*done`.
  absl::Status FeaturesAtHand(const Request& request, Answer& answer, bool* done);
  // The same by what the stores gave.
  absl::Status UseRead(const absl::StatusOr<FeatureRow>& row, const Request& request,
                       Answer& answer);
  absl::Status UseRow(const FeatureRow& row, Answer& answer);
  // Nobody knows the user.
  absl::Status UseNoRow(const Request& request, Answer& answer);
  // There is no row: completes the request's own features by defaults.
  absl::Status UseDefaults(Answer& answer, absl::string_view hint);

  Task<absl::Status> Save(const Request& request, const CallContext& call, Answer& answer);
  void SaveLater(const Request& request, Answer& answer);
  Prediction MakePrediction(const Request& request, const Answer& answer);

  const Line line_;
  RowMetrics row_metrics_;
  ColumnLookup columns_;
  save::PredictionIds ids_;
  absl::flat_hash_map<std::string, std::unique_ptr<OfModel>> batches_of_;  // by model
  std::vector<std::unique_ptr<BatchMemory>> spare_memory_;  // of pieces that are done
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_PREDICTOR_H_
