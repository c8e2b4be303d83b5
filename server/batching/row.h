// One row on its way through a model.
#ifndef PREDICTD_SERVER_BATCHING_ROW_H_
#define PREDICTD_SERVER_BATCHING_ROW_H_

#include <atomic>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/loop.h"
#include "server/async/work.h"

namespace predictd::batching {

// Belongs to whoever waits for it (mostly it lives in a coroutine frame) and stays in place until
// Run() is called on its home loop, exactly once, with `status` and the times filled in.
struct Row : Work {
  // Per input and output of the lane, in its order: where the tensor of this row's request begins.
  // The row is the `index`-th one in each; its outputs are written when OK.
  absl::Span<const char* const> inputs;
  absl::Span<char* const> outputs;
  int index = 0;
  // In a lane of whole requests: runs the request, whose rows are `rows`; else null.
  const std::function<absl::Status()>* whole_request = nullptr;
  int rows = 1;

  // Of the loop's clock. A row that cannot be done by then is not run.
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
