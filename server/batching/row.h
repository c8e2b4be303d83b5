// A row, or a block of consecutive ones, on its way through a model.
#ifndef PREDICTD_SERVER_BATCHING_ROW_H_
#define PREDICTD_SERVER_BATCHING_ROW_H_

#include <atomic>
#include <functional>
#include <utility>
#include <vector>

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
  // It is the `index`-th one in each, or the `rows` ones from there: a block, which is at most the
  // lane's max_batch and runs in one batch. Outputs are written when OK, those of `failed` too.
  absl::Span<const char* const> inputs;
  absl::Span<char* const> outputs;
  int index = 0;
  int rows = 1;
  // In a lane of whole requests: runs the request, whose rows are `rows`; else null.
  const std::function<absl::Status()>* whole_request = nullptr;

  // Of the loop's clock. A row that cannot be done by then is not run.
  absl::Time deadline = absl::InfiniteFuture();
  // Set by the call's loop when the caller has gone; a cancelled row is not run. May be null.
  const std::atomic<bool>* cancelled = nullptr;
  Loop* home = nullptr;

  absl::Status status;
  // Of a block whose status is OK: the rows on which the model failed, counted from `index`.
  std::vector<std::pair<int, absl::Status>> failed;
  absl::Time added_at;
  absl::Duration queue_time;  // from being added to the start of its batch
  absl::Duration model_time;  // of its batch
  // Whoever adds it waits for room and adds it again: refused for a full queue it is not dropped.
  bool waits_for_room = false;
  // A batch with this row threw: run it alone, a block row by row.
  bool run_alone = false;

  // Places taken in the queue and in a batch.
  int places() const { return whole_request != nullptr ? 1 : rows; }

 protected:
  ~Row() = default;
};

// Places of all together.
inline int Places(absl::Span<Row* const> rows) {
  int places = 0;
  for (const Row* row : rows) places += row->places();
  return places;
}

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_ROW_H_
