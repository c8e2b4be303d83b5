// CPU time of processes: user and system, of all their threads.
#ifndef PREDICTD_CLIENT_LOAD_CPU_TIME_H_
#define PREDICTD_CLIENT_LOAD_CPU_TIME_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd::client {

// Summed over the processes, from /proc/PID/stat, to 10 ms. NOT_FOUND names the one that is not
// there. Any thread.
absl::StatusOr<absl::Duration> CpuTimeOf(const std::vector<int>& pids);

// Of this process, to the microsecond.
absl::Duration OwnCpuTime();

// utime and stime in a line of /proc/PID/stat, in clock ticks; a process may have brackets and
// spaces in its name. INTERNAL where the line is none.
absl::StatusOr<int64_t> CpuTicks(absl::string_view stat_line);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_CPU_TIME_H_
