#include "client/load/cpu_time.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace predictd::client {

absl::StatusOr<int64_t> CpuTicks(absl::string_view stat_line) {
  const auto invalid = [] { return absl::InternalError("no line of /proc/PID/stat"); };
  const size_t name_end = stat_line.rfind(')');
  if (name_end == absl::string_view::npos) return invalid();
  const std::vector<absl::string_view> fields =
      absl::StrSplit(stat_line.substr(name_end + 1), ' ', absl::SkipEmpty());
  // proc(5): state is field 3 and comes first here, utime is 14, stime 15.
  int64_t user = 0;
  int64_t system = 0;
  if (fields.size() < 13 || !absl::SimpleAtoi(fields[11], &user) ||
      !absl::SimpleAtoi(fields[12], &system)) {
    return invalid();
  }
  return user + system;
}

absl::StatusOr<absl::Duration> CpuTimeOf(const std::vector<int>& pids) {
  int64_t ticks = 0;
  for (const int pid : pids) {
    std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
    std::string line;
    if (!std::getline(file, line)) return absl::NotFoundError(absl::StrCat("no process ", pid));
    const auto used = CpuTicks(line);
    if (!used.ok()) return used.status();
    ticks += *used;
  }
  return absl::Seconds(1) * ticks / sysconf(_SC_CLK_TCK);
}

absl::Duration OwnCpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace predictd::client
