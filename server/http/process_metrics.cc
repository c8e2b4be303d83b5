#include "server/http/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "server/base/log.h"

namespace predictd::http {
namespace {

// Fields of /proc/self/stat after the command's name, which may contain spaces (proc(5)).
struct ProcStat {
  double cpu_seconds = 0;
  double threads = 0;
  double start_seconds = 0;  // after boot
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

ProcStat ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::vector<double> values;
  std::string state;
  fields >> state;                                                   // field 3
  for (double value = 0; fields >> value;) values.push_back(value);  // from field 4
  if (values.size() < 21) return {};
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return {(values[10] + values[11]) / ticks, values[16], values[18] / ticks, values[19],
          values[20] * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

// Unix seconds.
double BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string key; file >> key; file.ignore(1 << 16, '\n')) {
    if (key != "btime") continue;
    double seconds = 0;
    file >> seconds;
    return seconds;
  }
  return 0;
}

double OpenFiles() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -3;  // ".", ".." and the directory itself
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

void Append(std::vector<prometheus::MetricFamily>& families, const char* name, const char* help,
            double value, prometheus::MetricType type = prometheus::MetricType::Gauge) {
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  families.push_back({name, help, type, {metric}});
}

}  // namespace

void AppendProcessMetrics(std::vector<prometheus::MetricFamily>& families) {
  const ProcStat stat = ReadStat();
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  Append(families, "process_cpu_seconds_total", "User and system CPU time", stat.cpu_seconds,
         prometheus::MetricType::Counter);
  Append(families, "process_resident_memory_bytes", "Resident memory", stat.resident_bytes);
  Append(families, "process_virtual_memory_bytes", "Virtual memory", stat.virtual_bytes);
  Append(families, "process_open_fds", "Open file descriptors", OpenFiles());
  Append(families, "process_max_fds", "Most file descriptors", static_cast<double>(files.rlim_cur));
  Append(families, "process_threads", "Threads", stat.threads);
  Append(families, "predictd_log_lines_dropped_total", "Lines of the log that stderr did not take",
         static_cast<double>(DroppedLogLines()), prometheus::MetricType::Counter);
  Append(families, "process_start_time_seconds", "Start, as Unix time",
         BootTime() + stat.start_seconds);
}

}  // namespace predictd::http
