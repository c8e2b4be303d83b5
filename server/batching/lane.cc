#include "server/batching/lane.h"

#include "server/batching/padded_size.h"

namespace predictd::batching {

absl::Duration Lane::RunTime(int rows) const {
  const int64_t nanos = run_times_[PaddedSizeIndex(rows)].load(std::memory_order_relaxed);
  return nanos < 0 ? absl::InfiniteDuration() : absl::Nanoseconds(nanos);
}

void Lane::RecordRunTime(int rows, absl::Duration time) {
  std::atomic<int64_t>& slot = run_times_[PaddedSizeIndex(rows)];
  const int64_t sample = absl::ToInt64Nanoseconds(time);
  const int64_t before = slot.load(std::memory_order_relaxed);
  // Two threads may overwrite each other's sample here: it is an estimate.
  slot.store(before < 0 ? sample : before + (sample - before) / 8, std::memory_order_relaxed);
}

}  // namespace predictd::batching
