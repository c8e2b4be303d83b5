// Threads that run the batches of heavier models, each model through a queue of its own.
#ifndef PREDICTD_SERVER_BATCHING_WORKER_POOL_H_
#define PREDICTD_SERVER_BATCHING_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/base/mutex.h"
#include "server/batching/batch_runner.h"
#include "server/batching/lane.h"
#include "server/batching/row.h"

namespace predictd::batching {

// Any thread. Lanes take turns, so that a model with a long queue holds up another one for at most
// the batches that already run. Destroyed when no row is under way.
class WorkerPool {
 public:
  // `prepare_thread` runs first on each worker.
  WorkerPool(int workers, const Clock& clock, Metrics& metrics,
             std::function<void()> prepare_thread);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int workers() const { return static_cast<int>(workers_.size()); }

  // Queues rows that have entered the lane's queue limit; they come back on their home loops.
  void Submit(Lane& lane, absl::Span<Row* const> rows) ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs `task` once on each worker, one after the other, between batches; returns when all have:
  // for warming up. Not from a worker or a loop.
  void RunOnEachWorker(const std::function<void()>& task) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Worker {
    std::thread thread;
    const std::function<void()>* task = nullptr;  // guarded by the pool's mutex
  };

  void Run(Worker& self);
  // Takes the next batch, or none where a lane waits for a fuller one until `*wait_until`.
  Lane* TakeBatch(std::vector<Row*>& batch, absl::Time* wait_until)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunBatch(Lane& lane, std::vector<Row*>& batch, BatchRunner& runner)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Clock& clock_;
  Metrics& metrics_;
  const std::function<void()> prepare_thread_;

  Mutex mutex_;
  CondVar work_;
  CondVar task_done_;
  // Lanes with waiting rows, each once, in the order of their turns.
  std::deque<Lane*> lanes_ ABSL_GUARDED_BY(mutex_);
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;

  // Serialises RunOnEachWorker.
  Mutex tasks_mutex_;
  // Last member: joins before what the threads use is destroyed.
  std::deque<Worker> workers_;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_WORKER_POOL_H_
