#include "server/batching/lane_statistics.h"

#include <algorithm>

namespace predictd::batching {
namespace {

// Sizes that are told apart.
constexpr int kMostSizes = 1024;

}  // namespace

LaneStatistics::LaneStatistics(int max_batch) : runs_(std::min(max_batch, kMostSizes) + 1) {}

void LaneStatistics::AtomicSum::Add(uint64_t more, absl::Duration time) {
  count.fetch_add(more, std::memory_order_relaxed);
  nanos.fetch_add(absl::ToInt64Nanoseconds(time), std::memory_order_relaxed);
}

LaneStatistics::Sum LaneStatistics::AtomicSum::Read() const {
  return {count.load(std::memory_order_relaxed),
          absl::Nanoseconds(nanos.load(std::memory_order_relaxed))};
}

void LaneStatistics::RecordQueue(int rows, absl::Duration queue_time_of_all) {
  queue_.Add(rows, queue_time_of_all);
}

void LaneStatistics::RecordRun(int rows, int answered, absl::Duration model_time,
                               absl::Time wall_now) {
  rows_.fetch_add(answered, std::memory_order_relaxed);
  runs_[std::min<size_t>(rows, runs_.size() - 1)].Add(1, model_time);
  last_run_millis_.store(absl::ToUnixMillis(wall_now), std::memory_order_relaxed);
}

void LaneStatistics::RecordRequests(bool ok, uint64_t requests, absl::Duration took_together) {
  (ok ? requests_ok_ : requests_failed_).Add(requests, took_together);
}

LaneStatistics::Numbers LaneStatistics::Read() const {
  Numbers numbers;
  numbers.requests_ok = requests_ok_.Read();
  numbers.requests_failed = requests_failed_.Read();
  numbers.queue = queue_.Read();
  numbers.rows = rows_.load(std::memory_order_relaxed);
  for (const AtomicSum& run : runs_) numbers.runs.push_back(run.Read());
  const int64_t millis = last_run_millis_.load(std::memory_order_relaxed);
  if (millis >= 0) numbers.last_run = absl::FromUnixMillis(millis);
  return numbers;
}

}  // namespace predictd::batching
