#include "server/async/loop.h"

#include <memory>

namespace predictd {
namespace {

// Most coroutines resumed, and most timers run, before the loop looks at its sockets again.
constexpr int kTurnBound = 256;

class FunctionWork final : public Work {
 public:
  explicit FunctionWork(std::function<void()> function) : function_(std::move(function)) {}
  void Run() override {
    const std::unique_ptr<FunctionWork> self(this);
    function_();
  }

 private:
  std::function<void()> function_;
};

}  // namespace

Loop::~Loop() = default;

void Loop::Post(Work& work) {
  WorkList works;
  works.Push(work);
  Post(works);
}

void Loop::Post(WorkList& works) {
  {
    MutexLock lock(inbox_mutex_);
    inbox_.Append(works);
    inbox_filled_.store(true, std::memory_order_seq_cst);
  }
  // The loop stores asleep_ and then reads inbox_filled_, here it is the other way round: one of
  // the two sees the other's store.
  if (asleep_.exchange(false, std::memory_order_seq_cst)) Wake();
}

void Loop::PostFunction(std::function<void()> function) {
  Post(*new FunctionWork(std::move(function)));
}

void Loop::Nudge() {
  if (asleep_.exchange(false, std::memory_order_seq_cst)) Wake();
}

void Loop::Start(Timer& timer, absl::Time when) {
  Stop(timer);
  timer.when_ = when;
  if (when != absl::InfiniteFuture()) timers_.emplace(when, &timer);
}

void Loop::Stop(Timer& timer) {
  if (!timer.running()) return;
  timers_.erase({timer.when_, &timer});
  timer.when_ = absl::InfiniteFuture();
}

bool Loop::RunTurn() {
  bool progress = DrainInbox();
  progress |= RunTimers();
  progress |= RunReady();
  for (TurnStep* step : steps_) {
    if (!step->Turn()) continue;
    progress = true;
    RunReady();
  }
  return progress;
}

bool Loop::RunReady() {
  if (ready_.empty()) return false;
  BeforeReady();
  int count = 0;
  while (count < kTurnBound) {
    Work* work = ready_.Pop();
    if (work == nullptr) break;
    BeginPiece();
    work->Run();
    ++count;
  }
  EndPiece();
  AfterReady();
  return true;
}

bool Loop::DrainInbox() {
  if (!inbox_filled_.load(std::memory_order_acquire)) return false;
  MutexLock lock(inbox_mutex_);
  inbox_filled_.store(false, std::memory_order_relaxed);
  ready_.Append(inbox_);
  return true;
}

bool Loop::RunTimers() {
  if (timers_.empty()) return false;
  const absl::Time now = Now();
  int count = 0;
  while (count < kTurnBound && !timers_.empty() && timers_.begin()->first <= now) {
    Timer& timer = *timers_.begin()->second;
    Stop(timer);
    timer.Expired();
    ++count;
  }
  return count > 0;
}

bool Loop::PrepareSleep() {
  if (!ready_.empty()) return false;
  // First: a nudge that comes while a step arms its socket must already find a sleeper to wake.
  asleep_.store(true, std::memory_order_seq_cst);
  for (TurnStep* step : steps_) step->BeforeSleep();
  if (!inbox_filled_.load(std::memory_order_seq_cst)) return true;
  // If Post took the flag meanwhile, its wake-up is on the way and does no harm.
  asleep_.store(false, std::memory_order_relaxed);
  return false;
}

bool Loop::AnswersOutstanding() const {
  for (const TurnStep* step : steps_) {
    if (step->AnswersOutstanding()) return true;
  }
  return false;
}

absl::Time Loop::NextTimer() const {
  return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first;
}

}  // namespace predictd
