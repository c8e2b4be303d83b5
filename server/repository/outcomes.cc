#include "server/repository/outcomes.h"

namespace predictd::repository {

void Outcomes::Count(const absl::Status& status) {
  CountMany(status.ok() ? 1 : 0, absl::IsInternal(status) ? 1 : 0);
}

void Outcomes::CountMany(int answered, int failed) {
  if (answered + failed == 0) return;
  rows_.fetch_add(answered + failed, std::memory_order_relaxed);
  const double most = max_error_percent_.load(std::memory_order_relaxed);
  if (most >= kNever) return;
  // Failures last: a few of them at first would be a large part.
  for (int i = 0; i < answered; ++i) CountRecent(false, most);
  for (int i = 0; i < failed; ++i) CountRecent(true, most);
}

void Outcomes::CountRecent(bool failed, double max_error_percent) {
  uint64_t before = recent_.load(std::memory_order_relaxed);
  Recent recent;
  do {
    recent = Unpack(before);
    if (recent.rows >= kRecentRows) recent = {recent.rows / 2, recent.failed / 2};
    ++recent.rows;
    if (failed) ++recent.failed;
  } while (!recent_.compare_exchange_weak(before, Pack(recent), std::memory_order_relaxed));
  if (recent.rows < kFewestRows) return;
  if (recent.failed * 100.0 <= max_error_percent * recent.rows) return;
  if (failing()) return;
  decisive_.store(Pack(recent), std::memory_order_release);
  if (!failing_.exchange(true)) on_failing_();
}

void Outcomes::Watch(double max_error_percent) {
  recent_.store(0, std::memory_order_relaxed);
  failing_.store(false, std::memory_order_release);
  max_error_percent_.store(max_error_percent, std::memory_order_relaxed);
}

}  // namespace predictd::repository
