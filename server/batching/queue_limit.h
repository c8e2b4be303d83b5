// How many rows of one model may wait to be run, over all its versions and all loops.
#ifndef PREDICTD_SERVER_BATCHING_QUEUE_LIMIT_H_
#define PREDICTD_SERVER_BATCHING_QUEUE_LIMIT_H_

#include <prometheus/gauge.h>

#include <atomic>

namespace predictd::batching {

// Any thread.
class QueueLimit {
 public:
  // `gauge` shows the rows that wait.
  QueueLimit(int limit, prometheus::Gauge& gauge) : limit_(limit), gauge_(gauge) {}

  int limit() const { return limit_.load(std::memory_order_relaxed); }
  // A changed setting; rows that wait already stay.
  void set_limit(int limit) { limit_.store(limit, std::memory_order_relaxed); }
  int waiting() const { return waiting_.load(std::memory_order_relaxed); }

  // False, and none of them entered, where `rows` more would exceed the limit.
  bool TryEnter(int rows = 1) {
    int now = waiting();
    do {
      if (now + rows > limit()) return false;
    } while (!waiting_.compare_exchange_weak(now, now + rows, std::memory_order_relaxed));
    return true;
  }

  // Rows that had left to be run and must wait once more; they were admitted before.
  void EnterAgain(int rows) { waiting_.fetch_add(rows, std::memory_order_relaxed); }

  // `rows` begin to run, or are given up.
  void Leave(int rows) {
    waiting_.fetch_sub(rows, std::memory_order_relaxed);
    ShowWaiting();
  }

  // Rows are on their way to a worker, where they may wait long enough to be seen.
  void ShowWaiting() {
    // The last of several threads to show it must not show what an earlier one has counted.
    int shown;
    do {
      shown = waiting();
      gauge_.Set(shown);
    } while (shown != waiting());
  }

 private:
  std::atomic<int> limit_;
  std::atomic<int> waiting_{0};
  prometheus::Gauge& gauge_;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_QUEUE_LIMIT_H_
