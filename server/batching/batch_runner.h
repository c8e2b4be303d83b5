// Runs one batch on the calling thread: gathers rows, pads, runs, checks, hands answers out.
#ifndef PREDICTD_SERVER_BATCHING_BATCH_RUNNER_H_
#define PREDICTD_SERVER_BATCHING_BATCH_RUNNER_H_

#include <vector>

#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/base/histogram_tally.h"
#include "server/base/metrics.h"
#include "server/batching/batch_buffer.h"
#include "server/batching/lane.h"
#include "server/batching/row.h"

namespace predictd::batching {

// One per thread that runs batches; owns that thread's buffers.
class BatchRunner {
 public:
  BatchRunner(const Clock& clock, Metrics& metrics)
      : clock_(clock), metrics_(metrics), queue_times_(metrics.StageHistogram(Stage::kQueue)) {}

  // Runs rows of at most max_batch places as one batch and fills in the results; does not hand rows
  // back.
  // Returns false where the function failed on more than one row: then nothing is filled in, and
  // each is to be queued again, to be run by RunAlone. A NaN or infinite output fails its row
  // alone.
  bool Run(Lane& lane, absl::Span<Row* const> rows);

  // Runs a row alone, a block row by row without a look at its deadline in between: the failure of
  // one is its own.
  void RunAlone(Lane& lane, Row& row);

  // Takes out of `rows` those that need not be run because their caller has gone or their deadline
  // has passed, or would before the model is done in `run_time`, with their status set, into
  // `dropped`; leaves the queue limit for all of them.
  void DropDead(Lane& lane, absl::Duration run_time, std::vector<Row*>& rows,
                std::vector<Row*>& dropped);

 private:
  void Drop(const Lane& lane, Row& row, absl::Time now, DropReason reason);
  void NoteFailures(Lane& lane, int rows, const absl::Status& error);
  absl::Status RunTogether(Lane& lane, absl::Span<Row* const> rows);

  const Clock& clock_;
  Metrics& metrics_;
  HistogramTally queue_times_;
  BatchBuffer inputs_;
  BatchBuffer outputs_;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_BATCH_RUNNER_H_
