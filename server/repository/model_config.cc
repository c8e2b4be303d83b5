#include "server/repository/model_config.h"

#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "predictd/v1/model_config.pb.h"

namespace predictd::repository {
namespace {

constexpr uint32_t kMostRows = 1 << 20;

absl::Status Wrong(const std::string& path, absl::string_view problem) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", problem));
}

}  // namespace

absl::StatusOr<ModelSettings> ReadModelSettings(const std::string& config_path,
                                                const ModelSettings& flags) {
  if (config_path.empty()) return flags;
  std::ifstream file(config_path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Wrong(config_path, "cannot be read");
  v1::ModelConfig config;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), &config);
  if (!parsed.ok()) return Wrong(config_path, std::string(parsed.message()));

  ModelSettings settings = flags;
  if (config.has_max_batch()) {
    if (config.max_batch() < 1 || config.max_batch() > kMostRows) {
      return Wrong(config_path, "max_batch must be 1 to 1048576");
    }
    settings.max_batch = static_cast<int>(config.max_batch());
  }
  if (config.has_max_queue()) {
    if (config.max_queue() < 1 || config.max_queue() > kMostRows) {
      return Wrong(config_path, "max_queue must be 1 to 1048576");
    }
    settings.max_queue = static_cast<int>(config.max_queue());
  }
  if (config.has_batch_delay()) {
    settings.batch_delay = absl::Seconds(config.batch_delay().seconds()) +
                           absl::Nanoseconds(config.batch_delay().nanos());
    if (settings.batch_delay < absl::ZeroDuration()) {
      return Wrong(config_path, "batch_delay must not be negative");
    }
  }
  if (config.has_workers()) {
    if (config.workers() < 1 || config.workers() > kMostRows) {
      return Wrong(config_path, "workers must be at least 1");
    }
    settings.max_workers = static_cast<int>(config.workers());
  }
  settings.defaults_when_unreachable = config.defaults_when_unreachable();
  const std::string& missing = config.missing_features();
  if (!missing.empty() && missing != "default" && missing != "refuse") {
    return Wrong(config_path, "missing_features must be \"default\" or \"refuse\"");
  }
  settings.refuse_missing_features = missing == "refuse";
  return settings;
}

}  // namespace predictd::repository
