// A whole load run: threads, warm-up, measured time, CPU of client and server.
#ifndef PREDICTD_CLIENT_LOAD_LOAD_RUN_H_
#define PREDICTD_CLIENT_LOAD_LOAD_RUN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/load/load_loop.h"

namespace predictd::client {

struct LoadOptions {
  RpcOptions rpc;  // `slots` of all threads together; `channels` are shared out
  int threads = 1;
  double rate = 0;  // requests per second of an open loop; 0 = closed loop
  absl::Duration warmup;
  absl::Duration duration;
  int64_t requests = 0;  // above 0: measure that many instead of a duration
  absl::Duration timeout;
  std::vector<int> server_pids;
};

struct LoadResult {
  Tally tally;
  absl::Duration measured;
  absl::Duration client_cpu;                 // in the measured time
  std::optional<absl::Duration> server_cpu;  // likewise; nothing without server_pids
};

// Blocks until the last answer. An error where a server process ended during the run.
absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_LOAD_RUN_H_
