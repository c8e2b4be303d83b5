// A program of the build, run as a child with its output in files.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_CHILD_PROCESS_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_CHILD_PROCESS_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "tests/fakes/temp_folder.h"

namespace predictd::integration {

// One thread, which outlives it: the child is killed when the thread that started it ends, so that
// a test that crashes leaves nothing behind. The destructor kills what still runs.
class ChildProcess {
 public:
  struct Options {
    // Resource limits of the child alone, such as {RLIMIT_NOFILE, 64}.
    std::vector<std::pair<int, rlim_t>> limits = {};
    // Beside the test's own environment, such as "TZ=Asia/Tokyo".
    std::vector<std::string> environment = {};
    // A descriptor for its stderr, which Stderr() then does not have; -1 = none.
    int err = -1;
  };

  explicit ChildProcess(std::vector<std::string> command_line)
      : ChildProcess(std::move(command_line), Options()) {}
  // Throws where it cannot be started.
  ChildProcess(std::vector<std::string> command_line, Options options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Kill(int signal) const;

  // The exit status as a shell has it (128 + n where signal n ended it), once it has ended; nullopt
  // where it still runs.
  std::optional<int> ExitStatus();
  std::optional<int> WaitForExit(absl::Duration limit);

  // Everything written so far.
  std::string Stdout() const;
  std::string Stderr() const;

  // User and system time of all its threads.
  double CpuSeconds() const;
  // Memory that is in RAM now, and the most that ever was.
  double RssBytes() const;
  double PeakRssBytes() const;

 private:
  const TempFolder folder_;
  pid_t pid_ = -1;
  std::optional<int> exit_status_;
};

// The whole of a small file; empty where there is none.
std::string ReadFile(const std::string& path);

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_CHILD_PROCESS_H_
