#include "client/load/open_loop.h"

#include <sys/prctl.h>
#include <time.h>

#include <thread>

namespace predictd::client {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

void SleepUntil(int64_t nanos) {
  const timespec until{nanos / kNanosPerSecond, nanos % kNanosPerSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) {
  }
}

}  // namespace

OpenLoop::OpenLoop(const LoopOptions& options, double interval, double offset)
    : options_(options),
      interval_(interval),
      offset_(offset),
      tally_(options.schedule),
      sent_(options.schedule),
      starts_(options.rpc.slots),
      rpc_(MakeRpc(options.rpc, queue_, *this)) {
  for (size_t slot = options.rpc.slots; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

OpenLoop::~OpenLoop() { ShutDown(queue_); }

void OpenLoop::Run() {
  std::thread pacer([this] { Pace(); });
  while (!pacer_done_.happened || !AllAnswered() || !rpc_->Closed()) {
    const bool event = TakeEvent(queue_, options_.timeout);
    // Before its end a pacer may just be slow.
    if (!event && pacer_done_.happened) rpc_->Cancel();
  }
  pacer.join();
  tally_.Merge(sent_);
}

void OpenLoop::Pace() {
  // By default the kernel may wake a sleeper 50 us late.
  prctl(PR_SET_TIMERSLACK, 1);
  const Schedule& schedule = options_.schedule;
  int64_t quota = schedule.quota;
  for (int64_t i = 0;; ++i) {
    const int64_t intended =
        schedule.start + static_cast<int64_t>(offset_ + static_cast<double>(i) * interval_);
    if (intended >= schedule.end) break;
    if (intended >= schedule.measure_from && quota-- <= 0) break;
    if (NowNanos() < intended) SleepUntil(intended);
    const size_t slot = TakeFreeSlot();
    starts_[slot] = intended;
    const int64_t deadline = intended + options_.timeout;
    sent_.AddSent(NowNanos(), deadline);
    rpc_->Send(slot, deadline);
  }
  alarm_.Set(&queue_, gpr_now(GPR_CLOCK_MONOTONIC), &pacer_done_);
}

size_t OpenLoop::TakeFreeSlot() {
  MutexLock lock(mutex_);
  while (free_slots_.empty()) slot_freed_.Wait(mutex_);
  const size_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

bool OpenLoop::AllAnswered() {
  MutexLock lock(mutex_);
  return free_slots_.size() == options_.rpc.slots;
}

void OpenLoop::OnAnswer(size_t slot, const Answer& answer) {
  tally_.Add(starts_[slot], NowNanos(), answer);
  bool was_empty = false;
  {
    MutexLock lock(mutex_);
    was_empty = free_slots_.empty();
    free_slots_.push_back(slot);
  }
  if (was_empty) slot_freed_.NotifyOne();
}

}  // namespace predictd::client
