#include "server/rpc/idle_cpus.h"

#include <unistd.h>

#include <fstream>
#include <utility>

namespace predictd::rpc {
namespace {

constexpr absl::Duration kLongestAgo = absl::Seconds(1);

}  // namespace

double IdleCpus::SinceLastCall() {
  std::string cpu;
  int64_t user = 0;
  int64_t nice = 0;
  int64_t system = 0;
  int64_t idle = 0;
  if (!(std::ifstream(path_) >> cpu >> user >> nice >> system >> idle)) return 0;
  const absl::Time now = clock_.Now();
  const absl::Duration time = now - std::exchange(last_call_, now);
  const int64_t ticks = idle - std::exchange(ticks_, idle);
  if (time > kLongestAgo || time <= absl::ZeroDuration()) return 0;
  return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)) /
         absl::ToDoubleSeconds(time);
}

}  // namespace predictd::rpc
