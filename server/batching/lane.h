// One model version as the scheduler sees it: a function to run, sizes, limits, measured run times.
#ifndef PREDICTD_SERVER_BATCHING_LANE_H_
#define PREDICTD_SERVER_BATCHING_LANE_H_

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/metrics.h"
#include "server/base/tensor.h"
#include "server/batching/lane_statistics.h"
#include "server/batching/queue_limit.h"
#include "server/batching/row.h"

namespace predictd::batching {

struct LaneOptions {
  std::string model;
  std::string version;
  // All fixed, but for a lane of whole requests.
  std::vector<TensorLayout> inputs;
  std::vector<TensorLayout> outputs;
  // The model takes shapes that differ from request to request: each Row is a request of its own,
  // never runs together with another one and never on a loop.
  bool whole_requests = false;
  // Most rows in one run.
  int max_batch = 64;
  // How long a free worker waits for a fuller batch; 0 = never. Above 0 nothing runs inline.
  absl::Duration batch_delay = absl::ZeroDuration();
  // Most workers that run this lane at once.
  int max_workers = std::numeric_limits<int>::max();
};

// Any thread, but for what is said below. Kept alive by its version's handle, which whoever waits
// for a row holds.
class Lane {
 public:
  // Runs `rows` rows: one pointer per input and output, each to rows * bytes_per_row bytes. Called
  // by several threads at once. A failure fails the whole batch.
  using Function =
      std::function<absl::Status(int rows, const char* const* inputs, char* const* outputs)>;

  Lane(LaneOptions options, Function function, std::shared_ptr<QueueLimit> queue_limit,
       ModelMetrics& metrics)
      : options_(std::move(options)),
        function_(std::move(function)),
        queue_limit_(std::move(queue_limit)),
        metrics_(metrics),
        statistics_(options_.max_batch) {
    for (auto& time : run_times_) time = -1;
    for (auto& time : first_times_) time = -1;
  }

  const LaneOptions& options() const { return options_; }
  const Function& function() const { return function_; }
  QueueLimit& queue_limit() const { return *queue_limit_; }
  ModelMetrics& metrics() const { return metrics_; }
  LaneStatistics& statistics() { return statistics_; }
  const LaneStatistics& statistics() const { return statistics_; }

  // What a run of the padded size for `rows` takes; InfiniteDuration before it was measured.
  absl::Duration RunTime(int rows) const;
  // One more measurement, in CPU time of the thread. The value falls quickly and rises slowly.
  void RecordRunTime(int rows, absl::Duration time);

  // A run lasts at least as long as it computes, so one that was short by the clock needs no second
  // look. One that was long may have lost its core, which must not make a model of 50 us a slow
  // one: the CPU times of the runs that follow decide. They are two system calls for each.
  bool RunTimeInDoubt() const { return runs_in_doubt_.load(std::memory_order_relaxed) > 0; }
  // `cpu_time`: InfiniteDuration where it was not measured.
  void RecordRun(int rows, absl::Duration model_time, absl::Duration cpu_time);

  // A run was not begun because the time it takes was too long for it. Where that was wrong only
  // runs can show it, so each time what is known falls a little, of RunTime to half of what was
  // measured first.
  void DoubtTimes(int rows);

  // A worker ran `rows` rows in `time` by the clock, with whatever else kept the CPU busy.
  void RecordWorkerTime(int rows, absl::Duration time);
  // What a worker will take for `rows` rows by the clock; 0 before any run of such a size.
  absl::Duration WorkerTime(int rows) const;
  // Whether a failure of the model is to be logged: at most once a minute, since a bad version that
  // fails on every row would bury the log.
  bool TellsFailure(absl::Time now);

  // How long a row behind `ahead` others that wait for `workers` workers takes to the end of its
  // run; 0 before any run, and where the next worker takes all that wait.
  absl::Duration ExpectedTime(int ahead, int workers) const;

  // Most rows that a worker runs at once, but for a block cut before, up to max_batch, so that
  // other models do not wait for long: as many as take 20 ms, or 100 ms where smaller batches cost
  // much more per row. 1 in a lane of whole requests.
  int RowsPerRun() const;
  // Rows of a block, a part of a run: so that blocks of several callers fill batches, as those that
  // are not full run padded.
  int RowsPerBlock() const;

 private:
  friend class WorkerPool;

  // So many that rows of a kind that comes now and then are among them.
  static constexpr int kRunsInDoubt = 16;

  // At least 1.
  int RowsWithin(absl::Duration longest) const;
  // What a row costs in batches of `rows`, over its cost in the largest, as first measured.
  double CostInSmaller(int rows) const;

  const LaneOptions options_;
  const Function function_;
  const std::shared_ptr<QueueLimit> queue_limit_;
  ModelMetrics& metrics_;
  // Nanoseconds by PaddedSizeIndex; -1 = not measured.
  std::array<std::atomic<int64_t>, 32> run_times_;
  // The first measurement of each size. Those of the warm-up, one after the other, tell what larger
  // batches gain; those of a load are of the sizes that it happens to run, in all that it disturbs.
  std::array<std::atomic<int64_t>, 32> first_times_;
  std::atomic<int> runs_in_doubt_{kRunsInDoubt};
  // What a run on a worker takes by the clock, beside whatever keeps the CPU busy, over RunTime:
  // one number for all sizes, since of many models a run of 64 rows takes little more than one
  // of 1.
  std::atomic<double> slowdown_{1};
  std::atomic<int64_t> failure_told_after_{std::numeric_limits<int64_t>::min()};  // Unix seconds

  LaneStatistics statistics_;

  // Guarded by the pool's mutex: rows that wait for a worker, workers that run some.
  std::deque<Row*> waiting_;
  int running_ = 0;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_LANE_H_
