// The flags of `predict bench`.
#ifndef PREDICTD_CLIENT_LOAD_BENCH_OPTIONS_H_
#define PREDICTD_CLIENT_LOAD_BENCH_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/load/load_run.h"

namespace predictd::client {

struct BenchOptions {
  LoadOptions load;  // without requests, channels and timeout
  int connections = 1;
  std::vector<std::string> users;
  std::string infer_inputs;  // as in the flag
};

// INVALID_ARGUMENT names the flag that is wrong.
absl::StatusOr<BenchOptions> BenchOptionsFromFlags();

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_BENCH_OPTIONS_H_
