#include "server/repository/model_config.h"

#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "predictd/v1/model_config.pb.h"
#include "server/base/one_line.h"
#include "server/base/status.h"

namespace predictd::repository {
namespace {

constexpr uint32_t kMostRows = 1 << 20;
constexpr uint32_t kMostVersions = 1 << 20;

absl::Status Wrong(const std::string& path, absl::string_view problem) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", problem));
}

bool IsPercent(double value) { return value >= 0 && value <= 100; }

absl::Status ReadVersions(const std::string& path, const v1::Versions& message,
                          VersionPolicy& policy) {
  if (message.has_latest() == (message.list_size() > 0)) {
    return Wrong(path, "versions must say either latest, such as 2, or list, such as [3, 5]");
  }
  if (message.has_latest()) {
    if (message.latest() < 1 || message.latest() > kMostVersions) {
      return Wrong(path, "versions.latest must be 1 to 1048576; leave versions out to load all");
    }
    policy.latest = static_cast<int>(message.latest());
  }
  for (const int64_t version : message.list()) {
    if (version < 1) {
      return Wrong(path, absl::StrCat("versions.list has ", version,
                                      "; a version is a positive integer, the folder's name"));
    }
    policy.list.push_back(version);
  }
  return absl::OkStatus();
}

// What canary and shadow have in common.
template <typename Message>
absl::Status CheckShare(const std::string& path, absl::string_view field, const Message& message) {
  if (message.version() < 1) {
    return Wrong(path, absl::StrCat(field,
                                    ".version must be a positive integer, the version's "
                                    "folder; leave ",
                                    field, " out for none"));
  }
  if (!IsPercent(message.percent())) {
    return Wrong(path, absl::StrCat(field, ".percent must be 0 to 100"));
  }
  return absl::OkStatus();
}

absl::Status ReadTraffic(const std::string& path, const v1::ModelConfig& config,
                         ModelSettings& settings) {
  if (config.has_canary()) {
    PREDICTD_RETURN_IF_ERROR(CheckShare(path, "canary", config.canary()));
    CanarySettings& canary = settings.canary.emplace();
    canary.version = config.canary().version();
    canary.percent = config.canary().percent();
    if (config.canary().has_max_error_percent()) {
      canary.max_error_percent = config.canary().max_error_percent();
    }
    if (!IsPercent(canary.max_error_percent)) {
      return Wrong(path, "canary.max_error_percent must be 0 to 100; 100 never takes it back");
    }
  }
  if (config.has_shadow()) {
    PREDICTD_RETURN_IF_ERROR(CheckShare(path, "shadow", config.shadow()));
    settings.shadow = {config.shadow().version(), config.shadow().percent()};
    if (settings.canary && settings.canary->version == settings.shadow->version) {
      return Wrong(path, absl::StrCat("canary.version and shadow.version are both ",
                                      settings.shadow->version, "; leave one of them out"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool LoadedAlike(const ModelSettings& one, const ModelSettings& other) {
  return one.max_batch == other.max_batch && one.batch_delay == other.batch_delay &&
         one.max_workers == other.max_workers &&
         one.defaults_when_unreachable == other.defaults_when_unreachable &&
         one.refuse_missing_features == other.refuse_missing_features;
}

absl::StatusOr<ModelSettings> ReadModelSettings(const std::string& config_path,
                                                const ModelSettings& flags) {
  if (config_path.empty()) return flags;
  std::error_code error;
  if (!std::filesystem::is_regular_file(config_path, error)) {
    return Wrong(config_path,
                 error ? absl::StrCat("cannot be read: ", error.message()) : "is no regular file");
  }
  std::ifstream file(config_path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Wrong(config_path, "cannot be read");
  v1::ModelConfig config;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), &config);
  if (!parsed.ok()) return Wrong(config_path, OneLine(std::string(parsed.message())));

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
  if (config.has_versions()) {
    PREDICTD_RETURN_IF_ERROR(ReadVersions(config_path, config.versions(), settings.versions));
  }
  PREDICTD_RETURN_IF_ERROR(ReadTraffic(config_path, config, settings));
  return settings;
}

}  // namespace predictd::repository
