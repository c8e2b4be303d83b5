// What loops call; writer_thread.cc has the other end of the queue.
#include "server/save/writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace predictd::save {
namespace {

// Flush looks at the clock, which a test may move, at least this often.
constexpr absl::Duration kLongestLook = absl::Milliseconds(50);

absl::Status OutOfTime() {
  return absl::DeadlineExceededError("the prediction was not yet saved at the deadline");
}

}  // namespace

Writer::Writer(PredictionStore& store, const Clock& clock, Metrics& metrics, Options options)
    : store_(store),
      clock_(clock),
      metrics_(metrics),
      options_(options),
      most_at_once_(options.max_batch),
      pause_(options.first_retry),
      finder_(store, clock, metrics, options.max_finds),
      thread_([this] { Run(); }) {}

Writer::~Writer() {
  // Whatever Flush did not wait for is counted, and whoever waits is answered.
  Stop().IgnoreError();
}

void Writer::SaveLater(Prediction prediction) {
  bool wake = false;
  Refusal refusal;
  {
    MutexLock lock(mutex_);
    refusal = Refuse();
    if (refusal == Refusal::kNone) {
      LaterBatch& batch = BatchForMore();
      batch.Add(std::move(prediction));
      SetWaiting(waiting_ + 1);
      wake = sleep_ == Sleep::kIdle || (sleep_ == Sleep::kPausing && batch.full());
      if (wake) sleep_ = Sleep::kAwake;
    }
  }
  if (wake) wake_.NotifyOne();
  if (refusal != Refusal::kNone) CountDropped(refusal);
}

LaterBatch& Writer::BatchForMore() {
  const bool last_is_written = writing_later_ && later_.size() == 1;
  if (later_.empty() || last_is_written || later_.back()->full()) {
    later_.push_back(std::make_unique<LaterBatch>(options_.max_batch));
  }
  return *later_.back();
}

Task<absl::StatusOr<std::string>> Writer::Save(Loop& loop, Prediction prediction,
                                               absl::Time deadline) {
  if (loop.Now() >= deadline) {
    metrics_.CountSaves(SaveResult::kFailed, 1);
    co_return OutOfTime();
  }
  auto request = std::make_unique<SaveRequest>(loop, std::move(prediction), deadline);
  const Refusal refusal = Queue(*request);
  if (refusal != Refusal::kNone) {
    CountDropped(refusal);
    if (refusal == Refusal::kClosed) {
      co_return absl::UnavailableError("no prediction is saved any more: shutting down");
    }
    co_return absl::UnavailableError(
        absl::StrCat("the prediction was not saved: ", options_.max_queue,
                     " predictions wait, and no more than ", options_.max_queue, " may"));
  }
  ThreadAnswer<absl::StatusOr<std::string>> waiting(*request.release(), loop, deadline);
  std::optional<absl::StatusOr<std::string>> answer = co_await waiting;
  if (!answer) co_return OutOfTime();
  co_return *std::move(answer);
}

Task<absl::StatusOr<std::optional<Prediction>>> Writer::Find(Loop& loop, std::string prediction_id,
                                                             absl::Time deadline) {
  std::optional<Prediction> waiting = FindWaiting(prediction_id);
  if (waiting) co_return waiting;
  Task<absl::StatusOr<std::optional<Prediction>>> stored =
      finder_.Find(loop, std::move(prediction_id), deadline);
  absl::StatusOr<std::optional<Prediction>> found = co_await std::move(stored);
  co_return found;
}

absl::Status Writer::Flush(absl::Time deadline) {
  {
    MutexLock lock(mutex_);
    closed_ = true;
    retry_at_ = absl::InfinitePast();
    wake_.NotifyOne();
    while (waiting_ > 0) {
      const absl::Duration left = deadline - clock_.Now();
      if (left <= absl::ZeroDuration()) break;
      drained_.WaitFor(mutex_, std::min(left, kLongestLook));
    }
  }
  return Stop();
}

absl::Status Writer::Stop() {
  std::deque<SaveRequest*> unanswered;
  std::deque<std::unique_ptr<LaterBatch>> given_up;  // destroyed without the lock
  size_t lost = 0;
  size_t under_way = 0;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    stop_ = true;
    unanswered.swap(now_);
    given_up.swap(later_);
    // The thread has the first one.
    if (writing_later_) {
      later_.push_back(std::move(given_up.front()));
      given_up.pop_front();
    }
    lost = unanswered.size();
    for (const auto& batch : given_up) lost += batch->unsettled().size();
    SetWaiting(waiting_ - lost);
    under_way = waiting_;
    wake_.NotifyOne();
  }
  for (SaveRequest* request : unanswered) {
    request->Finish(absl::UnavailableError("the prediction was not saved: shutting down"));
  }
  metrics_.CountSaves(SaveResult::kFailed, static_cast<int>(lost));
  if (under_way > 0) {
    // Now: where the store hangs, there may be no later.
    Log(LogLevel::kWarning, "the end waits for the store: what is not under way is lost",
        {{"lost", lost}, {"under_way", under_way}});
  }
  if (thread_.joinable()) thread_.join();

  {
    MutexLock lock(mutex_);
    later_.clear();
    under_way = waiting_;
    SetWaiting(0);
  }
  metrics_.CountSaves(SaveResult::kFailed, static_cast<int>(under_way));
  lost += under_way;
  if (lost == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(lost, " predictions could not be saved before the end"));
}

Writer::Refusal Writer::Refuse() {
  if (closed_) return Refusal::kClosed;
  if (waiting_ < options_.max_queue) return Refusal::kNone;
  return std::exchange(full_, true) ? Refusal::kFull : Refusal::kFirstFull;
}

void Writer::CountDropped(Refusal refusal) {
  metrics_.CountSaves(SaveResult::kDropped, 1);
  if (refusal == Refusal::kFirstFull) {
    Log(LogLevel::kWarning, "predictions are dropped: too many wait to be saved",
        {{"limit", options_.max_queue}});
  }
}

Writer::Refusal Writer::Queue(SaveRequest& request) {
  MutexLock lock(mutex_);
  const Refusal refusal = Refuse();
  if (refusal != Refusal::kNone) return refusal;
  now_.push_back(&request);
  SetWaiting(waiting_ + 1);
  // A pause after a failure is for what can wait; this caller is told at once what the store says.
  if (std::exchange(sleep_, Sleep::kAwake) != Sleep::kAwake) wake_.NotifyOne();
  return refusal;
}

std::optional<Prediction> Writer::FindWaiting(absl::string_view prediction_id) {
  MutexLock lock(mutex_);
  for (const auto& batch : later_) {
    if (const Prediction* const found = batch->Find(prediction_id)) return *found;
  }
  return std::nullopt;
}

void Writer::SetWaiting(size_t waiting) {
  waiting_ = waiting;
  metrics_.save_queue_rows.store(waiting, std::memory_order_relaxed);
}

}  // namespace predictd::save
