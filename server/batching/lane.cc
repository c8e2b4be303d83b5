#include "server/batching/lane.h"

#include <algorithm>

#include "server/batching/padded_size.h"

namespace predictd::batching {
namespace {

// A run on a worker counts for at most this many times what is known: one may be slow by chance.
constexpr int kMostPerSample = 2;
// What is known changes by this part of each difference.
constexpr int kWeight = 8;
// By how much a run that was not begun lowers what is known.
constexpr int kDoubt = 64;
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
  const int64_t after = before < 0 ? sample : before + change / (change < 0 ? 2 : kWeight);
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
  std::atomic<int64_t>& run_time = run_times_[PaddedSizeIndex(rows)];
  const int64_t nanos = run_time.load(std::memory_order_relaxed);
  // Not for ever: a heavy model would come to run on the loops.
  const int64_t least = first_times_[PaddedSizeIndex(rows)].load(std::memory_order_relaxed) / 2;
  if (nanos > least) run_time.store(nanos - nanos / kDoubt, std::memory_order_relaxed);
  const double slowdown = slowdown_.load(std::memory_order_relaxed);
  slowdown_.store(slowdown - slowdown / kDoubt, std::memory_order_relaxed);
}

bool Lane::TellsFailure(absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  int64_t after = failure_told_after_.load(std::memory_order_relaxed);
  return seconds >= after &&
         failure_told_after_.compare_exchange_strong(after, seconds + kSecondsBetweenFailures,
                                                     std::memory_order_relaxed);
}

void Lane::RecordWorkerTime(int rows, absl::Duration time) {
  if (options_.whole_requests) {
    // Each is a row to the queue, whatever its shapes.
    RecordRunTime(1, time);
    return;
  }
  const absl::Duration run_time = RunTime(rows);
  if (run_time <= absl::ZeroDuration() || run_time == absl::InfiniteDuration()) return;
  const double known = slowdown_.load(std::memory_order_relaxed);
  const double sample = std::min(absl::FDivDuration(time, run_time), kMostPerSample * known);
  slowdown_.store(known + (sample - known) / kWeight, std::memory_order_relaxed);
}

absl::Duration Lane::WorkerTime(int rows) const {
  const absl::Duration run_time = RunTime(rows);
  if (run_time == absl::InfiniteDuration()) return absl::ZeroDuration();
  return slowdown_.load(std::memory_order_relaxed) * run_time;
}

absl::Duration Lane::ExpectedTime(int ahead, int workers) const {
  const int own_run = RowsPerRun();
  if (ahead < own_run) return absl::ZeroDuration();
  const double runs_ahead =
      static_cast<double>(ahead) / std::min(workers, options_.max_workers) / own_run;
  return (runs_ahead + 1) * WorkerTime(own_run);
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
