#include "server/config/config.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/cpus.h"
#include "server/base/flag_check.h"
#include "server/base/status.h"
#include "server/config/flag_use.h"
#include "server/redis/tls.h"

ABSL_DECLARE_FLAG(std::string, listen);
ABSL_DECLARE_FLAG(std::string, http_listen);
ABSL_DECLARE_FLAG(std::string, tls_cert);
ABSL_DECLARE_FLAG(std::string, tls_key);
ABSL_DECLARE_FLAG(std::string, tls_client_ca);
ABSL_DECLARE_FLAG(std::string, admin);
ABSL_DECLARE_FLAG(int, event_loops);
ABSL_DECLARE_FLAG(int, max_message_mb);
ABSL_DECLARE_FLAG(int, max_streams);
ABSL_DECLARE_FLAG(absl::Duration, lame_duck);
ABSL_DECLARE_FLAG(absl::Duration, drain_timeout);
ABSL_DECLARE_FLAG(std::string, log_format);
ABSL_DECLARE_FLAG(std::string, log_level);
ABSL_DECLARE_FLAG(std::string, models);
ABSL_DECLARE_FLAG(std::string, default_model);
ABSL_DECLARE_FLAG(absl::Duration, model_poll);
ABSL_DECLARE_FLAG(int, workers);
ABSL_DECLARE_FLAG(absl::Duration, inline_budget);
ABSL_DECLARE_FLAG(int, max_batch);
ABSL_DECLARE_FLAG(absl::Duration, batch_delay);
ABSL_DECLARE_FLAG(int, max_queue);
ABSL_DECLARE_FLAG(std::string, feature_source);
ABSL_DECLARE_FLAG(std::string, feature_table);
ABSL_DECLARE_FLAG(std::string, feature_key);
ABSL_DECLARE_FLAG(absl::Duration, feature_source_timeout);
ABSL_DECLARE_FLAG(int, postgres_connections);
ABSL_DECLARE_FLAG(std::string, feature_names);
ABSL_DECLARE_FLAG(std::string, feature_cache);
ABSL_DECLARE_FLAG(std::string, feature_cache_ca);
ABSL_DECLARE_FLAG(std::string, feature_cache_cert);
ABSL_DECLARE_FLAG(std::string, feature_cache_key);
ABSL_DECLARE_FLAG(std::string, feature_cache_prefix);
ABSL_DECLARE_FLAG(std::string, feature_cache_encoding);
ABSL_DECLARE_FLAG(std::string, feast_project);
ABSL_DECLARE_FLAG(std::string, feast_entity_key);
ABSL_DECLARE_FLAG(std::string, feast_entity_type);
ABSL_DECLARE_FLAG(std::string, feast_view);
ABSL_DECLARE_FLAG(absl::Duration, feature_cache_ttl);
ABSL_DECLARE_FLAG(absl::Duration, feature_cache_timeout);
ABSL_DECLARE_FLAG(int, local_cache_mb);
ABSL_DECLARE_FLAG(absl::Duration, local_cache_ttl);
ABSL_DECLARE_FLAG(std::string, save);
ABSL_DECLARE_FLAG(std::string, save_to);

namespace predictd::config {
namespace {

// Largest answer to tensors or a batch: so many times the largest request, and no more than
// Protocol Buffers can send, with some room for what is around the values.
constexpr size_t kAnswerPerRequest = 16;
constexpr size_t kMostAnswerMb = 2000;

absl::Status Invalid(absl::string_view flag, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", problem));
}

absl::Status CheckRange(absl::string_view flag, int value, int least, int most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return Invalid(flag, absl::StrCat(value, " is out of range; use ", least, " to ", most));
}

absl::Status CheckDuration(absl::string_view flag, absl::Duration value, bool may_be_zero) {
  const bool good = may_be_zero ? value >= absl::ZeroDuration() : value > absl::ZeroDuration();
  if (good && value < absl::InfiniteDuration()) return absl::OkStatus();
  return Invalid(flag, absl::StrCat(absl::FormatDuration(value), " is no usable time; use ",
                                    may_be_zero ? "0 or more" : "more than 0", ", such as 500ms"));
}

template <typename Value>
struct Choice {
  absl::string_view name;
  Value value;
};

template <typename Value>
absl::Status Choose(absl::string_view flag, absl::string_view given,
                    const std::vector<Choice<Value>>& choices, Value& chosen) {
  for (const Choice<Value>& choice : choices) {
    if (choice.name != given) continue;
    chosen = choice.value;
    return absl::OkStatus();
  }
  return Invalid(flag,
                 absl::StrCat("'", given, "' is unknown; use one of ",
                              absl::StrJoin(choices, ", ", [](std::string* out, const auto& c) {
                                absl::StrAppend(out, c.name);
                              })));
}

// Elements between commas; none where the text is empty.
absl::Status ReadList(absl::string_view flag, absl::string_view text,
                      std::vector<std::string>& elements) {
  if (absl::StripAsciiWhitespace(text).empty()) return absl::OkStatus();
  for (const absl::string_view element : absl::StrSplit(text, ',')) {
    elements.emplace_back(absl::StripAsciiWhitespace(element));
    if (!elements.back().empty()) continue;
    return Invalid(flag, absl::StrCat("'", text, "' has an empty element; take its comma out"));
  }
  return absl::OkStatus();
}

absl::Status ReadServing(Config& config) {
  PREDICTD_RETURN_IF_ERROR(
      ReadList("listen", absl::GetFlag(FLAGS_listen), config.listen.addresses));
  if (config.listen.addresses.empty()) return Invalid("listen", "names no address");
  config.listen.tls_cert = absl::GetFlag(FLAGS_tls_cert);
  config.listen.tls_key = absl::GetFlag(FLAGS_tls_key);
  config.listen.tls_client_ca = absl::GetFlag(FLAGS_tls_client_ca);
  config.listen.max_message_mb = absl::GetFlag(FLAGS_max_message_mb);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_message_mb", config.listen.max_message_mb, 1, 1024));
  config.max_answer_bytes =
      std::min(kAnswerPerRequest * config.listen.max_message_mb, kMostAnswerMb) << 20;
  config.listen.max_streams = absl::GetFlag(FLAGS_max_streams);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_streams", config.listen.max_streams, 1, 1 << 20));
  config.http_listen = absl::GetFlag(FLAGS_http_listen);
  config.lame_duck = absl::GetFlag(FLAGS_lame_duck);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("lame_duck", config.lame_duck, true));
  config.drain_timeout = absl::GetFlag(FLAGS_drain_timeout);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("drain_timeout", config.drain_timeout, false));
  if (config.lame_duck >= config.drain_timeout) {
    return Invalid("lame_duck", absl::StrCat("must be shorter than --drain_timeout, which is ",
                                             absl::FormatDuration(config.drain_timeout),
                                             ": those who call in that time are served first"));
  }
  PREDICTD_RETURN_IF_ERROR(CheckRange("event_loops", absl::GetFlag(FLAGS_event_loops), 0, 1024));
  config.event_loops = absl::GetFlag(FLAGS_event_loops);
  if (config.event_loops == 0) config.event_loops = UsableCpus();
  PREDICTD_RETURN_IF_ERROR(Choose<rpc::AdminAccess>("admin", absl::GetFlag(FLAGS_admin),
                                                    {{"off", rpc::AdminAccess::kOff},
                                                     {"loopback", rpc::AdminAccess::kLoopback},
                                                     {"all", rpc::AdminAccess::kAll}},
                                                    config.admin));
  PREDICTD_RETURN_IF_ERROR(Choose<LogFormat>(
      "log_format", absl::GetFlag(FLAGS_log_format),
      {{"text", LogFormat::kText}, {"json", LogFormat::kJson}}, config.log_format));
  return Choose<LogLevel>("log_level", absl::GetFlag(FLAGS_log_level),
                          {{"debug", LogLevel::kDebug},
                           {"info", LogLevel::kInfo},
                           {"warning", LogLevel::kWarning},
                           {"error", LogLevel::kError}},
                          config.log_level);
}

absl::Status ReadModels(Config& config) {
  config.models = absl::GetFlag(FLAGS_models);
  if (config.models.empty()) {
    return Invalid("models", "is required; give the directory with MODEL/VERSION/model.pt");
  }
  config.default_model = absl::GetFlag(FLAGS_default_model);
  config.model_poll = absl::GetFlag(FLAGS_model_poll);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("model_poll", config.model_poll, true));
  PREDICTD_RETURN_IF_ERROR(CheckRange("workers", absl::GetFlag(FLAGS_workers), 0, 1024));
  config.workers = absl::GetFlag(FLAGS_workers);
  if (config.workers == 0) config.workers = UsableCpus();
  config.inline_budget = absl::GetFlag(FLAGS_inline_budget);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("inline_budget", config.inline_budget, true));
  config.model_settings.max_batch = absl::GetFlag(FLAGS_max_batch);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_batch", config.model_settings.max_batch, 1, 1 << 20));
  config.model_settings.max_queue = absl::GetFlag(FLAGS_max_queue);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_queue", config.model_settings.max_queue, 1, 1 << 20));
  config.model_settings.batch_delay = absl::GetFlag(FLAGS_batch_delay);
  return CheckDuration("batch_delay", config.model_settings.batch_delay, true);
}

absl::Status ReadFeatureNames(Config& config) {
  std::vector<std::string> names;
  PREDICTD_RETURN_IF_ERROR(ReadList("feature_names", absl::GetFlag(FLAGS_feature_names), names));
  if (names.empty()) return absl::OkStatus();
  absl::flat_hash_set<absl::string_view> distinct;
  for (const std::string& name : names) {
    if (!distinct.insert(name).second) {
      return Invalid("feature_names", absl::StrCat("'", name, "' is there twice"));
    }
  }
  config.feature_names = std::make_shared<Schema>(std::move(names));
  return absl::OkStatus();
}

absl::Status Require(absl::string_view flag, absl::string_view value, absl::string_view example) {
  if (!value.empty()) return absl::OkStatus();
  return Invalid(flag, absl::StrCat("--feature_cache_encoding=feast needs it; give ", example));
}

absl::Status ReadFeast(Config& config) {
  using features::FeastEntityType;
  config.feast.project = absl::GetFlag(FLAGS_feast_project);
  config.feast.entity_key = absl::GetFlag(FLAGS_feast_entity_key);
  config.feast.view = absl::GetFlag(FLAGS_feast_view);
  PREDICTD_RETURN_IF_ERROR(
      Require("feast_project", config.feast.project, "`project` of feature_store.yaml"));
  PREDICTD_RETURN_IF_ERROR(
      Require("feast_entity_key", config.feast.entity_key, "the entity's join key"));
  PREDICTD_RETURN_IF_ERROR(
      Require("feast_view", config.feast.view, "the feature view with the models' features"));
  return Choose<FeastEntityType>("feast_entity_type", absl::GetFlag(FLAGS_feast_entity_type),
                                 {{"STRING", FeastEntityType::kString},
                                  {"INT32", FeastEntityType::kInt32},
                                  {"INT64", FeastEntityType::kInt64},
                                  {"BYTES", FeastEntityType::kBytes},
                                  {"UNIX_TIMESTAMP", FeastEntityType::kUnixTimestamp}},
                                 config.feast.entity_type);
}

absl::Status ReadCacheAddress(Config& config) {
  const redis::TlsFiles files{.ca = absl::GetFlag(FLAGS_feature_cache_ca),
                              .cert = absl::GetFlag(FLAGS_feature_cache_cert),
                              .key = absl::GetFlag(FLAGS_feature_cache_key)};
  if (const std::string cache = absl::GetFlag(FLAGS_feature_cache); !cache.empty()) {
    auto address = redis::ParseAddress(cache, files);
    PREDICTD_RETURN_IF_ERROR(address.status());
    config.feature_cache = *std::move(address);
  }
  const bool tls = config.feature_cache && config.feature_cache->tls != nullptr;
  if (!tls && !(files.ca.empty() && files.cert.empty() && files.key.empty())) {
    return Invalid("feature_cache",
                   "is not rediss://..., which --feature_cache_ca, --feature_cache_cert and "
                   "--feature_cache_key are for");
  }
  return absl::OkStatus();
}

absl::Status ReadFeatures(Config& config) {
  if (const std::string source = absl::GetFlag(FLAGS_feature_source); !source.empty()) {
    auto address = ParseStoreAddress("--feature_source", source);
    if (!address.ok()) return address.status();
    config.feature_source = *std::move(address);
  }
  config.feature_table = absl::GetFlag(FLAGS_feature_table);
  config.feature_key = absl::GetFlag(FLAGS_feature_key);
  config.feature_source_timeout = absl::GetFlag(FLAGS_feature_source_timeout);
  PREDICTD_RETURN_IF_ERROR(
      CheckDuration("feature_source_timeout", config.feature_source_timeout, false));
  PREDICTD_RETURN_IF_ERROR(
      CheckRange("postgres_connections", absl::GetFlag(FLAGS_postgres_connections), 0, 1 << 16));
  config.postgres_connections = absl::GetFlag(FLAGS_postgres_connections);
  if (config.postgres_connections == 0) config.postgres_connections = 2 * config.event_loops;
  PREDICTD_RETURN_IF_ERROR(ReadFeatureNames(config));
  PREDICTD_RETURN_IF_ERROR(ReadCacheAddress(config));
  config.feature_cache_prefix = absl::GetFlag(FLAGS_feature_cache_prefix);
  PREDICTD_RETURN_IF_ERROR(Choose<CacheEncoding>("feature_cache_encoding",
                                                 absl::GetFlag(FLAGS_feature_cache_encoding),
                                                 {{"packed", CacheEncoding::kPacked},
                                                  {"hash", CacheEncoding::kHash},
                                                  {"feast", CacheEncoding::kFeast}},
                                                 config.feature_cache_encoding));
  if (config.feature_cache_encoding == CacheEncoding::kFeast) {
    PREDICTD_RETURN_IF_ERROR(ReadFeast(config));
  }
  if (config.feature_cache && config.feature_cache_encoding == CacheEncoding::kPacked &&
      !config.feature_source && config.feature_names == nullptr) {
    return Invalid("feature_cache_encoding",
                   "packed values need --feature_source or --feature_names to be read");
  }
  config.feature_cache_ttl = absl::GetFlag(FLAGS_feature_cache_ttl);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("feature_cache_ttl", config.feature_cache_ttl, true));
  config.feature_cache_timeout = absl::GetFlag(FLAGS_feature_cache_timeout);
  PREDICTD_RETURN_IF_ERROR(
      CheckDuration("feature_cache_timeout", config.feature_cache_timeout, false));
  const int megabytes = absl::GetFlag(FLAGS_local_cache_mb);
  PREDICTD_RETURN_IF_ERROR(CheckRange("local_cache_mb", megabytes, 0, 1 << 20));
  config.local_cache_bytes = static_cast<size_t>(megabytes) << 20;
  config.local_cache_ttl = absl::GetFlag(FLAGS_local_cache_ttl);
  return CheckDuration("local_cache_ttl", config.local_cache_ttl, true);
}

absl::Status ReadSaving(Config& config) {
  PREDICTD_RETURN_IF_ERROR(
      Choose<predict::SaveMode>("save", absl::GetFlag(FLAGS_save),
                                {{"off", predict::SaveMode::kOff},
                                 {"after_reply", predict::SaveMode::kAfterReply},
                                 {"before_reply", predict::SaveMode::kBeforeReply}},
                                config.save));
  if (const std::string save_to = absl::GetFlag(FLAGS_save_to); !save_to.empty()) {
    auto address = ParseStoreAddress("--save_to", save_to);
    if (!address.ok()) return address.status();
    config.save_to = *std::move(address);
    // Saving switches its file to WAL, which is not to be done to a file of somebody else's.
    std::error_code error;
    if (config.feature_source && config.feature_source->kind == StoreKind::kSqlite &&
        config.save_to->kind == StoreKind::kSqlite &&
        (config.feature_source->path == config.save_to->path ||
         std::filesystem::equivalent(config.feature_source->path, config.save_to->path, error))) {
      return Invalid("save_to", "is the file of --feature_source; give another one");
    }
    return absl::OkStatus();
  }
  if (config.save == predict::SaveMode::kBeforeReply) {
    return Invalid("save", "before_reply needs --save_to");
  }
  config.save = predict::SaveMode::kOff;
  return absl::OkStatus();
}

void DescribeProgram() {
  absl::SetProgramUsageMessage(
      "turns user ids into predictions: a gRPC server that reads features, batches rows and runs "
      "TorchScript models.\n\n  predictd --models=DIR [--feature_source=sqlite:PATH] "
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
