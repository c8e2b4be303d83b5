// What a version goes through between being loaded and being published.
#ifndef PREDICTD_SERVER_REPOSITORY_WARM_UP_H_
#define PREDICTD_SERVER_REPOSITORY_WARM_UP_H_

#include <atomic>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/clock.h"
#include "server/batching/worker_pool.h"
#include "server/repository/version.h"

namespace predictd::repository {

// FAILED_PRECONDITION names the first golden case and output that does not hold.
absl::Status CheckGoldenCases(const Version& version);

// Repository's thread only.
class WarmUp {
 public:
  // `loops`: where light models run inline; see TurnBatches for `inline_budget`.
  WarmUp(batching::WorkerPool& pool, std::vector<Loop*> loops, absl::Duration inline_budget,
         const Clock& clock);

  // Runs the version on every worker at every padded size several times, then, where it is light
  // enough to run inline, on every loop, one size a turn. Measures its run times on the way. Gives
  // up early, with OK, once `stopping` is set.
  absl::Status Run(const VersionHandle& version, const std::atomic<bool>& stopping);

 private:
  absl::Status OnWorkers(const Version& version, const std::atomic<bool>& stopping);
  void OnLoops(const VersionHandle& version, const std::atomic<bool>& stopping);

  batching::WorkerPool& pool_;
  const std::vector<Loop*> loops_;
  const absl::Duration inline_budget_;
  const Clock& clock_;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_WARM_UP_H_
