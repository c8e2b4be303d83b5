#include "server/features/breaker.h"

namespace predictd::features {

absl::Status Breaker::Admit(absl::Time now) {
  if (!open_.load(std::memory_order_relaxed)) return absl::OkStatus();
  MutexLock lock(mutex_);
  if (now < next_probe_) return error_;
  next_probe_ = now + window_;
  return absl::OkStatus();
}

void Breaker::Answered(absl::Time now) {
  last_answer_.store(absl::ToUnixNanos(now), std::memory_order_relaxed);
  if (open_.load(std::memory_order_relaxed)) open_.store(false, std::memory_order_relaxed);
}

void Breaker::TimedOut(absl::Time asked, absl::Time now, const absl::Status& error) {
  if (last_answer_.load(std::memory_order_relaxed) >= absl::ToUnixNanos(asked)) return;
  MutexLock lock(mutex_);
  next_probe_ = now + window_;
  error_ = error;
  open_.store(true, std::memory_order_relaxed);
}

}  // namespace predictd::features
