// What a version goes through between being loaded and being published.
#ifndef PREDICTD_SERVER_REPOSITORY_WARM_UP_H_
#define PREDICTD_SERVER_REPOSITORY_WARM_UP_H_

#include <atomic>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/batching/worker_pool.h"
#include "server/repository/version.h"

namespace predictd::repository {

// FAILED_PRECONDITION names the first golden case and output that does not hold.
absl::Status CheckGoldenCases(const Version& version);

// Repository's thread only.
class WarmUp {
 public:
  // `loops`: where light models run inline; see TurnBatches for `inline_budget`.
  WarmUp(batching::WorkerPool& pool, std::vector<Loop*> loops, absl::Duration inline_budget);

  // Runs the version at every padded size: several times on this thread, which measures its run
  // times and has libtorch build what all threads share; then once on every worker, one after the
  // other, up to the sizes whose runs are heavy; then, where it is light enough to run inline, on
  // every loop, one size a turn. Gives up early, with OK, once `stopping` is set.
  absl::Status Run(const VersionHandle& version, const std::atomic<bool>& stopping);

 private:
  absl::Status OnThisThread(const Version& version, const std::atomic<bool>& stopping);
  absl::Status OnWorkers(const Version& version, const std::atomic<bool>& stopping);
  void OnLoops(const VersionHandle& version, const std::atomic<bool>& stopping);

  batching::WorkerPool& pool_;
  const std::vector<Loop*> loops_;
  const absl::Duration inline_budget_;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_WARM_UP_H_
