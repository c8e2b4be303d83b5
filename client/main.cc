// predict: the command-line client of predictd.
#include <grpc/support/log.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "client/commands.h"
#include "client/exit_status.h"
#include "client/request_options.h"
#include "client/usage.h"
#include "server/base/flag_check.h"

namespace predictd::client {
namespace {

int RunHelp(const Arguments&) {
  std::printf("predict %s\n", std::string(UsageText()).c_str());
  return kExitOk;
}

struct Command {
  absl::string_view name;
  size_t least;  // arguments after the name
  size_t most;
  absl::string_view arguments;
  bool json;  // has an answer in JSON
  int (*run)(const Arguments&);
};

constexpr Command kCommands[] = {
    {"user", 1, 1, " USER_ID", true, RunUser},
    {"batch", 0, 1, " [FILE]", false, RunBatch},
    {"saved", 1, 1, " PREDICTION_ID", true, RunSaved},
    {"features", 1, 2, " put [FILE], or: predict features get USER_ID", true, RunFeatures},
    {"models", 0, 2, " [MODEL[/VERSION]]", true, RunModels},
    {"load", 1, 2, " MODEL[/VERSION]", true, RunLoad},
    {"unload", 1, 2, " MODEL[/VERSION]", true, RunUnload},
    {"health", 0, 1, " [MODEL]", false, RunHealth},
    {"wait", 0, 1, " [MODEL]", false, RunWait},
    {"bench", 0, 0, "", true, RunBench},
    {"help", 0, 0, "", false, RunHelp},
};

int Dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    return UsageError("give a user id or a command, such as 'predict 42'; see 'predict help'");
  }
  const auto command = std::find_if(std::begin(kCommands), std::end(kCommands),
                                    [&](const Command& c) { return c.name == words[0]; });
  if (command == std::end(kCommands)) {
    if (words.size() == 1) return RunUser(words);
    return UsageError(absl::StrCat("'", words[0],
                                   "' is no command, and a user id stands alone; see 'predict "
                                   "help', or 'predict batch' for several users"));
  }
  const Arguments arguments(words.begin() + 1, words.end());
  if (arguments.size() < command->least || arguments.size() > command->most) {
    return UsageError(
        absl::StrCat("write: predict ", command->name, command->arguments, "; see 'predict help'"));
  }
  if (WantsJson() && !command->json) {
    return UsageError(
        absl::StrCat("'predict ", command->name, "' has no answer in JSON; omit --json"));
  }
  return command->run(arguments);
}

// What was printed counts once it is written.
int CheckStdout(int status) {
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return written || status != kExitOk ? status : Fail("cannot write all of the answer to stdout");
}

}  // namespace
}  // namespace predictd::client

int main(int argc, char** argv) {
  // Debian builds Abseil with the deadlock detector, which would run on every lock gRPC takes.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Failures are told in one line, by the sub-command.
  gpr_set_log_function([](gpr_log_func_args*) {});
  predictd::client::SetUpUsage();
  if (const auto flags = predictd::CheckFlags(argc, argv); !flags.ok()) {
    return predictd::client::UsageError(flags.status().message());
  }
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  return predictd::client::CheckStdout(
      predictd::client::Dispatch({words.begin() + 1, words.end()}));
}
