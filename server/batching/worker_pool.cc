#include "server/batching/worker_pool.h"

#include <algorithm>
#include <utility>

#include "server/base/thread.h"

namespace predictd::batching {
namespace {

// Hands rows back to their loops. The rows' owners may destroy rows, lane and model at once.
void HandBack(absl::Span<Row* const> rows) {
  for (size_t next = 0; next < rows.size();) {
    Loop& home = *rows[next]->home;
    WorkList together;
    while (next < rows.size() && rows[next]->home == &home) together.Push(*rows[next++]);
    home.Post(together);
  }
}

}  // namespace

WorkerPool::WorkerPool(int workers, const Clock& clock, Metrics& metrics,
                       std::function<void()> prepare_thread)
    : clock_(clock), metrics_(metrics), prepare_thread_(std::move(prepare_thread)) {
  // All first, so that no thread sees the container grow.
  workers_.resize(workers);
  for (Worker& worker : workers_) worker.thread = std::thread([this, &worker] { Run(worker); });
}

WorkerPool::~WorkerPool() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  work_.NotifyAll();
  for (Worker& worker : workers_) worker.thread.join();
}

void WorkerPool::Submit(Lane& lane, absl::Span<Row* const> rows) {
  lane.queue_limit().ShowWaiting();
  bool wake = false;
  {
    MutexLock lock(mutex_);
    if (lane.waiting_.empty() && !rows.empty()) lanes_.push_back(&lane);
    lane.waiting_.insert(lane.waiting_.end(), rows.begin(), rows.end());
    wake = idle_ > 0;
  }
  if (wake) work_.NotifyOne();
}

void WorkerPool::RunOnEachWorker(const std::function<void()>& task) {
  MutexLock one_at_a_time(tasks_mutex_);
  MutexLock lock(mutex_);
  for (Worker& worker : workers_) {
    worker.task = &task;
    work_.NotifyAll();
    while (worker.task != nullptr) task_done_.Wait(mutex_);
  }
}

void WorkerPool::Run(Worker& self) {
  NameThread("model-worker");
  prepare_thread_();
  BatchRunner runner(clock_, metrics_);
  std::vector<Row*> batch;
  mutex_.Lock();
  while (true) {
    absl::Time wait_until = absl::InfiniteFuture();
    if (self.task != nullptr) {
      const std::function<void()>& task = *self.task;
      // Rows of a lane that this worker has just left at its limit are for another one.
      const bool wake = idle_ > 0 && !lanes_.empty();
      mutex_.Unlock();
      if (wake) work_.NotifyOne();
      task();
      mutex_.Lock();
      self.task = nullptr;
      task_done_.NotifyAll();
    } else if (stop_) {
      break;
    }
    batch.clear();
    if (Lane* lane = TakeBatch(batch, &wait_until); lane != nullptr) {
      // What is left is for another worker that sleeps.
      const bool wake = idle_ > 0 && !lanes_.empty();
      mutex_.Unlock();
      if (wake) work_.NotifyOne();
      RunBatch(*lane, batch, runner);
      mutex_.Lock();
    } else if (self.task == nullptr && !stop_) {
      ++idle_;
      if (wait_until == absl::InfiniteFuture()) {
        work_.Wait(mutex_);
      } else {
        work_.WaitFor(mutex_, std::max(wait_until - clock_.Now(), absl::Microseconds(1)));
      }
      --idle_;
    }
  }
  mutex_.Unlock();
}

Lane* WorkerPool::TakeBatch(std::vector<Row*>& batch, absl::Time* wait_until) {
  for (size_t tried = 0, lanes = lanes_.size(); tried < lanes; ++tried) {
    Lane* lane = lanes_.front();
    lanes_.pop_front();
    std::deque<Row*>& waiting = lane->waiting_;
    const LaneOptions& options = lane->options();
    if (lane->running_ >= options.max_workers) {
      lanes_.push_back(lane);
      continue;
    }
    const int most = waiting.front()->run_alone ? 1 : lane->RowsPerRun();
    // A block may be more than a run is now meant to be.
    size_t take = 1;
    int places = waiting.front()->places();
    while (take < waiting.size() && !waiting[take]->run_alone &&
           places + waiting[take]->places() <= most) {
      places += waiting[take++]->places();
    }
    const bool full = take < waiting.size() || places >= most;
    if (options.batch_delay > absl::ZeroDuration() && !full) {
      const absl::Time run_at = waiting.front()->added_at + options.batch_delay;
      if (run_at > clock_.Now()) {
        *wait_until = std::min(*wait_until, run_at);
        lanes_.push_back(lane);
        continue;
      }
    }
    batch.assign(waiting.begin(), waiting.begin() + take);
    waiting.erase(waiting.begin(), waiting.begin() + take);
    // To the end: the other lanes come first.
    if (!waiting.empty()) lanes_.push_back(lane);
    ++lane->running_;
    return lane;
  }
  return nullptr;
}

void WorkerPool::RunBatch(Lane& lane, std::vector<Row*>& batch, BatchRunner& runner) {
  std::vector<Row*> dropped;
  const absl::Time start = clock_.Now();
  const int places = Places(batch);
  runner.DropDead(lane, std::max(lane.RunTime(places), lane.WorkerTime(places)), batch, dropped);
  bool poisoned = false;
  if (!batch.empty() && batch.front()->run_alone) {
    for (Row* row : batch) runner.RunAlone(lane, *row);
  } else if (!batch.empty()) {
    poisoned = !runner.Run(lane, batch);
    if (!poisoned) lane.RecordWorkerTime(Places(batch), clock_.Now() - start);
  }
  {
    MutexLock lock(mutex_);
    --lane.running_;
  }
  // Last: the lane may be gone once the rows are handed back.
  HandBack(dropped);
  if (!poisoned) {
    HandBack(batch);
    return;
  }
  // Each of them alone, so that only one fails, behind what waits already and while its deadline
  // lasts.
  for (Row* row : batch) row->run_alone = true;
  lane.queue_limit().EnterAgain(Places(batch));
  Submit(lane, batch);
}

}  // namespace predictd::batching
