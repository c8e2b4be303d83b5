// How many of the machine's CPUs have nothing to do.
#ifndef PREDICTD_SERVER_RPC_IDLE_CPUS_H_
#define PREDICTD_SERVER_RPC_IDLE_CPUS_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "server/base/clock.h"

namespace predictd::rpc {

// Not synchronised.
class IdleCpus {
 public:
  // `path`: /proc/stat, or a file like it (proc(5)).
  explicit IdleCpus(const Clock& clock, std::string path = "/proc/stat")
      : clock_(clock), path_(std::move(path)) {}

  // On average since the last call, for which it was not longer ago than a second; else, and where
  // the file cannot be read, 0.
  double SinceLastCall();

 private:
  const Clock& clock_;
  const std::string path_;
  absl::Time last_call_ = absl::InfinitePast();
  int64_t ticks_ = 0;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_IDLE_CPUS_H_
