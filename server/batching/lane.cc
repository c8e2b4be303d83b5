#include "server/batching/lane.h"

#include <algorithm>

#include "server/batching/padded_size.h"

namespace predictd::batching {
namespace {

// What a run takes by the clock where others use the CPU as well, over the CPU time it takes.
constexpr int kBesideOthers = 2;
// How long a worker is given to one model at a time, where larger batches gain little, and anyway.
constexpr absl::Duration kGoodRun = absl::Milliseconds(20);
constexpr absl::Duration kLongestRun = absl::Milliseconds(100);
// What a row may cost in a smaller batch, as a part of its cost in the largest.
constexpr double kDearer = 1.25;

constexpr int kBlocksPerRun = 4;

constexpr int64_t kSecondsBetweenFailures = 60;

// A run that takes more than this many times what such runs take.
constexpr int kInDoubt = 2;

}  // namespace

absl::Duration Lane::RunTime(int rows) const {
  const int64_t nanos = run_times_[PaddedSizeIndex(rows)].load(std::memory_order_relaxed);
  return nanos < 0 ? absl::InfiniteDuration() : absl::Nanoseconds(nanos);
}

void Lane::RecordRunTime(int rows, absl::Duration time) {
  std::atomic<int64_t>& slot = run_times_[PaddedSizeIndex(rows)];
  const int64_t sample = absl::ToInt64Nanoseconds(time);
  const int64_t before = slot.load(std::memory_order_relaxed);
  // Two threads may overwrite each other's sample here: it is an estimate.
  const int64_t change = sample - before;
  const int64_t after = before < 0 ? sample : before + change / (change < 0 ? 2 : 8);
  slot.store(after, std::memory_order_relaxed);
  if (before < 0) first_times_[PaddedSizeIndex(rows)].store(sample, std::memory_order_relaxed);
}

void Lane::RecordRun(int rows, absl::Duration model_time, absl::Duration cpu_time) {
  if (cpu_time != absl::InfiniteDuration()) {
    runs_in_doubt_.fetch_sub(1, std::memory_order_relaxed);
    RecordRunTime(rows, cpu_time);
  } else if (model_time <= kInDoubt * RunTime(rows)) {
    RecordRunTime(rows, model_time);
  } else {
    runs_in_doubt_.store(kRunsInDoubt, std::memory_order_relaxed);
  }
}

void Lane::DoubtTimes(int rows) {
  for (std::atomic<int64_t>* time : {&run_times_[PaddedSizeIndex(rows)], &worker_nanos_per_row_}) {
    const int64_t nanos = time->load(std::memory_order_relaxed);
    time->store(nanos - nanos / 64, std::memory_order_relaxed);
  }
}

bool Lane::TellsFailure(absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  int64_t after = failure_told_after_.load(std::memory_order_relaxed);
  return seconds >= after &&
         failure_told_after_.compare_exchange_strong(after, seconds + kSecondsBetweenFailures,
                                                     std::memory_order_relaxed);
}

void Lane::RecordWorkerTime(int rows, absl::Duration time) {
  const int64_t before = worker_nanos_per_row_.load(std::memory_order_relaxed);
  int64_t after = before + (absl::ToInt64Nanoseconds(time) / rows - before) / 8;
  if (before == 0) {
    // One run may have been slow by chance, and would count for many to come.
    const absl::Duration known = kBesideOthers * RunTime(rows);
    after = absl::ToInt64Nanoseconds(std::min(time, known)) / rows;
  }
  worker_nanos_per_row_.store(after, std::memory_order_relaxed);
}

absl::Duration Lane::WorkerTime(int rows) const {
  return absl::Nanoseconds(worker_nanos_per_row_.load(std::memory_order_relaxed) * rows);
}

absl::Duration Lane::ExpectedTime(int ahead, int workers) const {
  const int own_run = RowsPerRun();
  if (ahead < own_run) return absl::ZeroDuration();
  return WorkerTime(ahead / std::min(workers, options_.max_workers) + own_run);
}

int Lane::RowsPerRun() const {
  if (options_.whole_requests) return 1;
  const int most = options_.max_batch;
  const absl::Duration whole = RunTime(most);
  if (whole <= kGoodRun || whole == absl::InfiniteDuration()) return most;
  const int rows = RowsWithin(kGoodRun);
  return CostInSmaller(rows) <= kDearer ? rows : RowsWithin(kLongestRun);
}

double Lane::CostInSmaller(int rows) const {
  const int most = options_.max_batch;
  const double smaller = first_times_[PaddedSizeIndex(rows)].load(std::memory_order_relaxed);
  const double largest = first_times_[PaddedSizeIndex(most)].load(std::memory_order_relaxed);
  return smaller / rows / (largest / most);
}

int Lane::RowsPerBlock() const { return std::max(RowsPerRun() / kBlocksPerRun, 1); }

int Lane::RowsWithin(absl::Duration longest) const {
  if (RunTime(options_.max_batch) <= longest) return options_.max_batch;
  int rows = 1;
  while (2 * rows < options_.max_batch && RunTime(2 * rows) <= longest) rows *= 2;
  return rows;
}

}  // namespace predictd::batching
