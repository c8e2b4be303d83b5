#include "server/config/config.h"

#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/flag_check.h"
#include "server/base/status.h"
#include "server/config/flag_groups.h"
#include "server/config/flag_use.h"

namespace predictd::config {
namespace {

void DescribeProgram() {
  absl::SetProgramUsageMessage(
      "turns user ids into predictions: a gRPC server that reads features, batches rows and runs "
      "TorchScript models and AOTInductor packages.\n\n  predictd --models=DIR "
      "[--feature_source=sqlite:PATH] "
      "[--feature_cache=redis://HOST:PORT] [--save_to=sqlite:PATH]\n\nTimes are written like 20ms, "
      "5s, 1h. Flags may also come from a file (--flagfile=PATH).");
  absl::FlagsUsageConfig usage;
  usage.contains_help_flags = [](absl::string_view file) {
    return absl::StrContains(file, "server/config/");
  };
  // Paths as in the repository, wherever it was built.
  usage.normalize_filename = [](absl::string_view file) {
    const size_t at = file.rfind("server/config/");
    return std::string(at == absl::string_view::npos ? file : file.substr(at));
  };
  usage.version_string = [] { return std::string("predictd " PREDICTD_VERSION "\n"); };
  absl::SetFlagsUsageConfig(usage);
}

}  // namespace

absl::StatusOr<Config> ReadConfig(int argc, char** argv) {
  DescribeProgram();
  const auto on_command_line = CheckFlags(argc, argv);
  if (!on_command_line.ok()) return on_command_line.status();
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument '", rest[1], "'; settings are flags: predictd --help"));
  }
  Config config;
  PREDICTD_RETURN_IF_ERROR(ReadServing(config));
  PREDICTD_RETURN_IF_ERROR(ReadModels(config));
  PREDICTD_RETURN_IF_ERROR(ReadFeatures(config));
  PREDICTD_RETURN_IF_ERROR(ReadSaving(config));
  config.warnings = FlagsWithoutEffect(*on_command_line, config);
  return config;
}

}  // namespace predictd::config
