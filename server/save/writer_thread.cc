// Writer's thread: takes batches from the queue and settles what became of them.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/save/batch_write.h"
#include "server/save/writer.h"

namespace predictd::save {
namespace {

absl::Status NotSaved(const absl::Status& why) {
  return absl::UnavailableError(absl::StrCat("the prediction could not be saved: ", why.message()));
}

}  // namespace

void Writer::Run() {
  NameThread("save-writer");
  std::vector<SaveRequest*> now;
  LaterBatch* later = nullptr;
  while (TakeBatches(now, later)) {
    if (!now.empty()) WriteNow(now);
    if (later != nullptr) WriteLater(*later);
  }
}

absl::Time Writer::LaterDue() const {
  const bool at_once = closed_ || later_.front()->full();
  return at_once ? retry_at_ : std::max(retry_at_, next_at_);
}

bool Writer::TakeBatches(std::vector<SaveRequest*>& now, LaterBatch*& later) {
  now.clear();
  later = nullptr;
  MutexLock lock(mutex_);
  while (!stop_) {
    const absl::Time start = clock_.Now();
    const absl::Duration pause = later_.empty() ? absl::InfiniteDuration() : LaterDue() - start;
    if (pause <= absl::ZeroDuration()) {
      next_at_ = start + options_.interval;
      later = later_.front().get();
      writing_later_ = true;
    }
    const size_t count = std::min(now_.size(), options_.max_batch);
    now.assign(now_.begin(), now_.begin() + static_cast<std::ptrdiff_t>(count));
    now_.erase(now_.begin(), now_.begin() + static_cast<std::ptrdiff_t>(count));
    if (!now.empty() || later != nullptr) return true;

    if (later_.empty()) {
      sleep_ = Sleep::kIdle;
      wake_.Wait(mutex_);
    } else {
      sleep_ = Sleep::kPausing;
      wake_.WaitFor(mutex_, pause);
    }
    sleep_ = Sleep::kAwake;
  }
  return false;
}

void Writer::WriteNow(std::vector<SaveRequest*>& requests) {
  // A caller whose time has passed was told so: nothing is saved for it.
  const absl::Time now = clock_.Now();
  const auto first_late =
      std::stable_partition(requests.begin(), requests.end(), [now](const SaveRequest* request) {
        return !request->abandoned() && now < request->deadline;
      });
  const auto in_time = static_cast<size_t>(first_late - requests.begin());
  std::vector<const Prediction*> batch;
  batch.reserve(in_time);
  for (size_t i = 0; i < in_time; ++i) batch.push_back(&requests[i]->prediction);
  BatchResult result;
  if (!batch.empty()) result = WriteBatch(store_, metrics_, batch);

  const auto saved = std::count_if(result.settled.begin(), result.settled.end(),
                                   [](const auto& id) { return id.ok(); });
  // Counted first: who resumes may look.
  metrics_.CountSaves(SaveResult::kSaved, static_cast<int>(saved));
  metrics_.CountSaves(SaveResult::kFailed,
                      static_cast<int>(requests.size()) - static_cast<int>(saved));
  {
    MutexLock lock(mutex_);
    Settled(requests.size());
  }
  if (!result.failure.ok()) {
    NoteFailure(result.failure);
  } else if (!batch.empty()) {
    NoteSuccess();
  }

  for (size_t i = 0; i < requests.size(); ++i) {
    if (i >= in_time) {
      requests[i]->Finish(
          absl::DeadlineExceededError("the prediction had to wait for others until then"));
    } else if (i >= result.settled.size()) {
      requests[i]->Finish(NotSaved(result.failure));
    } else if (!result.settled[i].ok()) {
      requests[i]->Finish(NotSaved(result.settled[i].status()));
    } else {
      requests[i]->Finish(std::move(result.settled[i]));
    }
  }
}

void Writer::WriteLater(LaterBatch& batch) {
  const absl::Span<const Prediction> next = batch.unsettled().subspan(0, most_at_once_);
  std::vector<const Prediction*> predictions;
  predictions.reserve(next.size());
  for (const Prediction& prediction : next) predictions.push_back(&prediction);
  const BatchResult result = WriteBatch(store_, metrics_, predictions);
  if (result.failure.ok()) {
    most_at_once_ = std::min(2 * most_at_once_, options_.max_batch);
  } else if (absl::IsDeadlineExceeded(result.failure)) {
    // As many once more would take as long again.
    most_at_once_ = std::max<size_t>(next.size() / 2, 1);
  }
  int refused = 0;
  for (size_t i = 0; i < result.settled.size(); ++i) {
    const absl::Status& status = result.settled[i].status();
    if (status.ok()) continue;
    // One line per batch: where every row is refused, a line for each would bury the log.
    if (refused++ == 0) {
      Log(LogLevel::kError, "the store refuses a prediction: it is not saved",
          {{"prediction_id", predictions[i]->prediction_id}, {"error", status.message()}});
    }
  }
  if (refused > 1) {
    Log(LogLevel::kError, "the store refuses more predictions of the same batch",
        {{"predictions", refused - 1}});
  }
  metrics_.CountSaves(SaveResult::kSaved, static_cast<int>(result.settled.size()) - refused);
  metrics_.CountSaves(SaveResult::kFailed, refused);
  SettleLater(result.settled.size());
  if (result.failure.ok()) {
    NoteSuccess();
  } else {
    NoteFailure(result.failure);
  }
}

void Writer::SettleLater(size_t count) {
  std::unique_ptr<LaterBatch> gone;  // destroyed without the lock
  MutexLock lock(mutex_);
  writing_later_ = false;
  later_.front()->Settle(count);
  if (later_.front()->unsettled().empty()) {
    gone = std::move(later_.front());
    later_.pop_front();
  }
  Settled(count);
}

void Writer::Settled(size_t count) {
  SetWaiting(waiting_ - count);
  if (waiting_ <= options_.max_queue / 2) full_ = false;
  if (waiting_ == 0) drained_.NotifyAll();
}

void Writer::NoteFailure(const absl::Status& failure) {
  size_t waiting = 0;
  {
    MutexLock lock(mutex_);
    retry_at_ = clock_.Now() + pause_;
    waiting = waiting_;
  }
  pause_ = std::min(pause_ * 2, options_.longest_retry);
  if (std::exchange(failing_, true)) return;
  Log(LogLevel::kWarning, "predictions cannot be saved",
      {{"error", failure.message()}, {"waiting", waiting}});
}

void Writer::NoteSuccess() {
  if (!failing_) return;
  failing_ = false;
  pause_ = options_.first_retry;
  size_t waiting = 0;
  {
    MutexLock lock(mutex_);
    retry_at_ = absl::InfinitePast();
    waiting = waiting_;
  }
  Log(LogLevel::kInfo, "predictions are saved again", {{"waiting", waiting}});
}

}  // namespace predictd::save
