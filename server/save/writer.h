// Saves predictions on a thread of its own: bounded, many per transaction, flushed at the end.
#ifndef PREDICTD_SERVER_SAVE_WRITER_H_
#define PREDICTD_SERVER_SAVE_WRITER_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/metrics.h"
#include "server/base/mutex.h"
#include "server/base/prediction.h"
#include "server/save/finder.h"
#include "server/save/later_batch.h"
#include "server/sql/prediction_store.h"
#include "server/sql/thread_request.h"

namespace predictd::save {

// Any thread may save and find; one thread writes to the store, another one finds in it. What was
// queued while one transaction ran, and a little longer where nobody waits for it, forms the next.
// Every prediction handed over is counted once: saved (also where an earlier one with its
// idempotency_key stands), failed or dropped.
//
// A failing store is tried again, with pauses, for what SaveLater queued, in smaller transactions
// where it did not answer in time, and the queue's bound is what limits memory meanwhile;
// predictions of Save get its error at once. Destroyed before the store and before the loops that
// wait.
class Writer {
 public:
  struct Options {
    size_t max_queue = 65536;  // predictions that may wait; beyond it they are dropped and counted
    size_t max_batch = 1024;   // most predictions in one transaction
    size_t max_finds = 65536;  // Finds that may wait for the store
    // From one transaction with what SaveLater queued to the next, unless that is full before: a
    // transaction is a sync of the disk or a round trip, whatever it holds.
    absl::Duration interval = absl::Milliseconds(20);
    // Pauses after failures: doubling from the first to the longest.
    absl::Duration first_retry = absl::Milliseconds(50);
    absl::Duration longest_retry = absl::Seconds(1);
  };

  // `clock` is the one that the loops have.
  Writer(PredictionStore& store, const Clock& clock, Metrics& metrics, Options options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Never waits. Dropped and counted where the queue is full, or after Flush.
  void SaveLater(Prediction prediction) ABSL_LOCKS_EXCLUDED(mutex_);

  // Resumes on `loop` once the prediction is durable, with the prediction_id under which it stands.
  // UNAVAILABLE where the queue is full or the store fails, which is not retried; DEADLINE_EXCEEDED
  // at `deadline` (it may be saved all the same if its transaction had begun).
  Task<absl::StatusOr<std::string>> Save(Loop& loop, Prediction prediction, absl::Time deadline);

  // What was saved, or waits to be after SaveLater. Resumes on `loop`; at once for what waits.
  Task<absl::StatusOr<std::optional<Prediction>>> Find(Loop& loop, std::string prediction_id,
                                                       absl::Time deadline);

  // Writes what waits; called once, after the last save, on a thread that is no loop. OK when
  // nothing is left; else UNAVAILABLE with how many predictions could not be written by `deadline`
  // (clock's), which are then counted as failed. A transaction under way at the deadline is waited
  // for; how many are lost whatever becomes of it is counted, and in the log, before that.
  absl::Status Flush(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class SaveRequest : public ThreadRequest<absl::StatusOr<std::string>> {
   public:
    SaveRequest(Loop& loop, Prediction given, absl::Time limit)
        : ThreadRequest(loop), prediction(std::move(given)), deadline(limit) {}

    const Prediction prediction;
    const absl::Time deadline;
  };

  // Whom a new prediction has to wake: nobody, or whoever waits for any, or only for one of Save or
  // for a full batch.
  enum class Sleep { kAwake, kIdle, kPausing };

  // What an attempt to queue came to, where it was refused.
  enum class Refusal { kNone, kFull, kFirstFull, kClosed };

  Refusal Refuse() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountDropped(Refusal refusal);
  LaterBatch& BatchForMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Refusal Queue(SaveRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Prediction> FindWaiting(absl::string_view prediction_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // The writing thread.
  void Run();
  // When later_ may be written.
  absl::Time LaterDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `later` is null where none is due.
  bool TakeBatches(std::vector<SaveRequest*>& now, LaterBatch*& later) ABSL_LOCKS_EXCLUDED(mutex_);
  void WriteNow(std::vector<SaveRequest*>& requests);
  void WriteLater(LaterBatch& batch);
  // The first `count` of the first batch of later_ are settled; without any left it goes.
  void SettleLater(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteFailure(const absl::Status& failure) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteSuccess() ABSL_LOCKS_EXCLUDED(mutex_);
  void Settled(size_t count) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetWaiting(size_t waiting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  PredictionStore& store_;
  const Clock& clock_;
  Metrics& metrics_;
  const Options options_;

  // Of the writing thread.
  bool failing_ = false;
  size_t most_at_once_;  // predictions of SaveLater in one transaction
  absl::Duration pause_;

  Mutex mutex_;
  CondVar wake_;     // the writing thread
  CondVar drained_;  // Flush
  std::deque<SaveRequest*> now_ ABSL_GUARDED_BY(mutex_);
  // The first one stays there while it is written; the last one takes what comes, unless it is the
  // one being written. None is empty.
  std::deque<std::unique_ptr<LaterBatch>> later_ ABSL_GUARDED_BY(mutex_);
  bool writing_later_ ABSL_GUARDED_BY(mutex_) = false;
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;  // queued or being written
  // For later_: after a failure, and after a transaction.
  absl::Time retry_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time next_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  Sleep sleep_ ABSL_GUARDED_BY(mutex_) = Sleep::kAwake;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;  // something was dropped, which the log said
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;

  Finder finder_;
  std::thread thread_;  // last, since it uses all the others
};

}  // namespace predictd::save

#endif  // PREDICTD_SERVER_SAVE_WRITER_H_
