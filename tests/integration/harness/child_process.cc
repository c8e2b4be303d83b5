#include "tests/integration/harness/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/integration/harness/wait_until.h"

namespace predictd::integration {
namespace {

// Fields of /proc/PID/stat from the third on: the second, the program's name, may hold anything.
constexpr int kFirstField = 3;
constexpr int kUserTicks = 14;
constexpr int kSystemTicks = 15;
constexpr int kResidentPages = 24;

double StatField(pid_t pid, int field) {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) throw std::runtime_error("the process is gone");
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(name_end + 2), ' ');
  return std::stod(fields.at(field - kFirstField));
}

int OpenForWriting(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot write " + path);
  return file;
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> environment = more;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> command_line, Options options) {
  const int out = OpenForWriting(folder_.File("stdout"));
  const int err = OpenForWriting(folder_.File("stderr"));
  const std::vector<char*> argv = Pointers(command_line);
  const std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> envp = Pointers(environment);
  // Between fork and exec only what is safe in a copy of a program with many threads.
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(options.err >= 0 ? options.err : err, STDERR_FILENO);
    for (const auto& [resource, most] : options.limits) {
      const rlimit limit = {most, most};
      ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
    }
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(out);
  ::close(err);
  if (pid_ < 0) throw std::runtime_error("cannot fork");
}

ChildProcess::~ChildProcess() {
  if (ExitStatus()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::Kill(int signal) const {
  if (!exit_status_) ::kill(pid_, signal);
}

std::optional<int> ChildProcess::ExitStatus() {
  int status = 0;
  if (!exit_status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return exit_status_;
}

std::optional<int> ChildProcess::WaitForExit(absl::Duration limit) {
  WaitUntil([this] { return ExitStatus().has_value(); }, limit);
  return exit_status_;
}

std::string ChildProcess::Stdout() const { return ReadFile(folder_.File("stdout")); }
std::string ChildProcess::Stderr() const { return ReadFile(folder_.File("stderr")); }

double ChildProcess::CpuSeconds() const {
  return (StatField(pid_, kUserTicks) + StatField(pid_, kSystemTicks)) / ::sysconf(_SC_CLK_TCK);
}

double ChildProcess::PeakRssBytes() const {
  const std::string status = ReadFile(absl::StrCat("/proc/", pid_, "/status"));
  const std::string name = "VmHWM:";
  const size_t found = status.find(name);
  if (found == std::string::npos) throw std::runtime_error("the process is gone");
  return std::stod(status.substr(found + name.size())) * 1024;
}

double ChildProcess::RssBytes() const {
  return StatField(pid_, kResidentPages) * ::sysconf(_SC_PAGESIZE);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace predictd::integration
