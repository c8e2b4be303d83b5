#include "client/models_watch.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/model_list.h"
#include "client/models_text.h"
#include "client/request_options.h"
#include "client/screen.h"
#include "client/status_text.h"
#include "client/terminal.h"
#include "client/text.h"
#include "client/watch_header.h"

ABSL_FLAG(bool, watch, false, "Show `predict models` again and again, until Ctrl-C");
ABSL_FLAG(absl::Duration, interval, absl::Seconds(2), "Time between two looks of --watch");

namespace predictd::client {
namespace {

// At once and from wherever it is: nothing is lost, and a call to a server that hangs would last
// for its --timeout.
void EndOnSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { _exit(kExitOk); };
  if (FindTerminal(STDOUT_FILENO)) {
    action.sa_handler = [](int) {
      const ssize_t written = write(STDOUT_FILENO, kLeaveScreen.data(), kLeaveScreen.size());
      _exit(written < 0 ? kExitFailed : kExitOk);
    };
  }
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::string TextOf(const v1::ListModelsResponse& models, const ModelName& name) {
  if (models.models().empty() && !name.model.empty() && !WantsJson()) {
    return absl::StrCat("the server has no '", ModelNameText(name), "'\n");
  }
  return ModelsText(models, /*signatures=*/!name.model.empty());
}

// False where stdout takes no more.
bool Show(const std::string& header, const std::string& models) {
  const std::string text = WantsJson() ? models : absl::StrCat(header, "\n\n", models);
  const auto terminal = FindTerminal(STDOUT_FILENO);
  if (WantsJson()) {
    std::fputs(text.c_str(), stdout);
  } else if (terminal) {
    std::fputs(ScreenText(text, terminal->rows).c_str(), stdout);
  } else {
    std::fprintf(stdout, "%s\n", text.c_str());
  }
  return std::fflush(stdout) == 0;
}

}  // namespace

bool WantsWatch() { return absl::GetFlag(FLAGS_watch); }

int WatchModels(const ModelName& name) {
  const absl::Duration interval = absl::GetFlag(FLAGS_interval);
  if (interval <= absl::ZeroDuration()) {
    return UsageError("--interval must be above 0, such as 2s");
  }
  EndOnSignals();
  std::optional<Connection> connection;
  std::optional<WatchHeader> header;
  while (true) {
    // A channel that was refused once waits for seconds before it tries again.
    if (!connection) {
      auto connected = Connect();
      if (!connected.ok()) return UsageError(connected.status().message());
      connection = *std::move(connected);
    }
    if (!header) header.emplace(connection->server, absl::LocalTimeZone());
    v1::ListModelsResponse reply;
    const grpc::Status status = ListModels(*connection, &reply);
    bool shown = true;
    if (status.ok()) {
      shown = Show(header->Answered(absl::Now()), TextOf(Only(reply, name), name));
    } else {
      const std::string why = ExplainFailure(status, connection->server, connection->timeout);
      if (WantsJson()) Fail(why);
      shown = Show(header->Failed(absl::Now()), WantsJson() ? "" : Wrap(why, 0, StdoutColumns()));
      connection.reset();
    }
    if (!shown) return Fail("stdout takes no more; the watch ends");
    absl::SleepFor(interval);
  }
}

}  // namespace predictd::client
