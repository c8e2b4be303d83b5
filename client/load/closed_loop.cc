#include "client/load/closed_loop.h"

namespace predictd::client {

ClosedLoop::ClosedLoop(const LoopOptions& options)
    : options_(options),
      quota_(options.schedule.quota),
      tally_(options.schedule),
      starts_(options.rpc.slots),
      rpc_(MakeRpc(options.rpc, queue_, *this)) {}

ClosedLoop::~ClosedLoop() { ShutDown(queue_); }

void ClosedLoop::Run() {
  for (size_t slot = 0; slot < options_.rpc.slots; ++slot) {
    if (SendNext(slot, NowNanos())) ++in_flight_;
  }
  while (in_flight_ > 0 || !rpc_->Closed()) {
    if (!TakeEvent(queue_, options_.timeout)) rpc_->Cancel();
  }
}

bool ClosedLoop::SendNext(size_t slot, int64_t now) {
  if (now >= options_.schedule.end) return false;
  if (now >= options_.schedule.measure_from && quota_-- <= 0) return false;
  starts_[slot] = now;
  rpc_->Send(slot, now + options_.timeout);
  return true;
}

void ClosedLoop::OnAnswer(size_t slot, const Answer& answer) {
  const int64_t now = NowNanos();
  tally_.Add(starts_[slot], now, answer);
  if (!SendNext(slot, now)) --in_flight_;
}

}  // namespace predictd::client
