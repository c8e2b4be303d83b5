#include "client/usage.h"

#include <string>

#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace predictd::client {
namespace {

struct Group {
  absl::string_view file;
  absl::string_view title;
};

constexpr Group kGroups[] = {
    {"client/connection_flags.cc", "connection"},
    {"client/request_flags.cc", "request"},
    {"client/concurrency_flags.cc", "predict batch and predict bench"},
    {"client/features_put.cc", "predict features put"},
    {"client/models_watch.cc", "predict models"},
    {"client/models_commands.cc", "predict load"},
    {"client/health_commands.cc", "predict wait"},
    {"client/load/bench_flags.cc", "predict bench"},
};

// A group's title for one of its files; other files are Abseil's and keep their name.
std::string TitleOf(absl::string_view file) {
  for (const auto& group : kGroups) {
    if (absl::EndsWith(file, group.file)) return std::string(group.title);
  }
  return std::string(file);
}

bool IsTitle(absl::string_view title) {
  for (const auto& group : kGroups) {
    if (group.title == title) return true;
  }
  return false;
}

}  // namespace

absl::string_view UsageText() {
  return R"(asks predictd for predictions, and looks after its models.

  predict USER_ID [--set=age=31,hours=40]  one prediction (also: predict user USER_ID)
  predict batch [FILE]                     one per line of FILE or stdin, as CSV
  predict saved PREDICTION_ID              a prediction as it was saved
  predict features put [FILE]              write users' rows: CSV of FILE or stdin
  predict features get USER_ID             a user's row, where it is from and its age
  predict models [MODEL[/VERSION]]         every version, its state and why, its traffic; of a
                                           named one what it takes and gives, too
  predict models --watch                   the same again every --interval, until Ctrl-C
  predict load MODEL[/VERSION]             load a version (the newest), wait until it is READY
  predict unload MODEL[/VERSION]           unload a version, or all
  predict health [MODEL]                   exit status 0 if it serves, 1 if not
  predict wait [MODEL]                     until it serves
  predict bench                            load: latency, throughput, CPU per request
  predict help                             this text; 'predict --help' has the flags too

Exit status: 0 = done, 1 = a call or a row failed (of bench: all of them), 2 = wrong arguments.
A user id that starts with '-' goes behind '--'.)";
}

void SetUpUsage() {
  absl::SetProgramUsageMessage(UsageText());
  absl::FlagsUsageConfig config;
  config.contains_helpshort_flags = IsTitle;
  config.contains_help_flags = IsTitle;
  config.contains_helppackage_flags = IsTitle;
  config.normalize_filename = TitleOf;
  absl::SetFlagsUsageConfig(config);
}

}  // namespace predictd::client
