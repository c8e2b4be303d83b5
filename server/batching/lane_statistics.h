// What a model version has done since it was loaded.
#ifndef PREDICTD_SERVER_BATCHING_LANE_STATISTICS_H_
#define PREDICTD_SERVER_BATCHING_LANE_STATISTICS_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace predictd::batching {

// Any thread. Numbers read while others write may be of slightly different moments.
class LaneStatistics {
 public:
  struct Sum {
    uint64_t count = 0;
    absl::Duration time;  // of all together
  };
  struct Numbers {
    Sum requests_ok;  // from being taken to being answered
    Sum requests_failed;
    Sum queue;          // rows; from being added to the start of their batch
    uint64_t rows = 0;  // that were answered
    // Runs that answered any row, by their number of rows: how many, and the model's time. The last
    // one counts all that had as many rows or more.
    std::vector<Sum> runs;
    absl::Time last_run = absl::InfinitePast();  // wall clock; never = InfinitePast
  };

  explicit LaneStatistics(int max_batch);

  // Of rows that were run and answered.
  void RecordQueue(int rows, absl::Duration queue_time_of_all);
  // A run of `rows` rows, `answered` of which, at least one, did not fail.
  void RecordRun(int rows, int answered, absl::Duration model_time, absl::Time wall_now);
  void RecordRequests(bool ok, uint64_t requests, absl::Duration took_together);

  Numbers Read() const;

 private:
  struct AtomicSum {
    void Add(uint64_t count, absl::Duration time);
    Sum Read() const;
    std::atomic<uint64_t> count{0};
    std::atomic<int64_t> nanos{0};
  };

  AtomicSum requests_ok_;
  AtomicSum requests_failed_;
  AtomicSum queue_;
  std::atomic<uint64_t> rows_{0};
  std::vector<AtomicSum> runs_;
  std::atomic<int64_t> last_run_millis_{-1};
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_LANE_STATISTICS_H_
