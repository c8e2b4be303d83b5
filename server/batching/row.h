// One row on its way through a model.
#ifndef PREDICTD_SERVER_BATCHING_ROW_H_
#define PREDICTD_SERVER_BATCHING_ROW_H_

#include <atomic>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/loop.h"
#include "server/async/work.h"

namespace predictd::batching {

// Belongs to whoever waits for it (it lives in a coroutine frame) and stays in place until Run() is
// called on its home loop, exactly once, with `status` and the times filled in.
struct Row : Work {
  absl::Span<const float> features;  // as many as the lane's features_per_row
  absl::Span<float> outputs;         // as many as the lane's outputs_per_row; written when OK
  // Of the loop's clock. A row whose deadline has passed is not run.
  absl::Time deadline = absl::InfiniteFuture();
  // Set by the call's loop when the caller has gone; a cancelled row is not run. May be null.
  const std::atomic<bool>* cancelled = nullptr;
  Loop* home = nullptr;

  absl::Status status;
  absl::Time added_at;
  absl::Duration queue_time;  // from being added to the start of its batch
  absl::Duration model_time;  // of its batch
  // A batch with this row threw: run it alone.
  bool run_alone = false;

 protected:
  ~Row() = default;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_ROW_H_
