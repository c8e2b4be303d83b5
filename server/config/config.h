// What the flags say, checked: the server is built from this and never sees a flag.
#ifndef PREDICTD_SERVER_CONFIG_CONFIG_H_
#define PREDICTD_SERVER_CONFIG_CONFIG_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/base/schema.h"
#include "server/features/feast_encoding.h"
#include "server/predict/predictor.h"
#include "server/redis/address.h"
#include "server/repository/model_config.h"
#include "server/rpc/admin.h"
#include "server/rpc/listener.h"
#include "server/sql/store_address.h"

namespace predictd::config {

enum class CacheEncoding { kPacked, kHash, kFeast };

struct Config {
  rpc::ListenOptions listen;
  size_t max_answer_bytes = 0;  // to tensors or a batch
  std::string http_listen;      // empty = off
  rpc::AdminAccess admin = rpc::AdminAccess::kLoopback;
  absl::Duration lame_duck;
  absl::Duration drain_timeout;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;

  int event_loops = 1;
  int min_event_loops = 1;  // at most event_loops
  int workers = 1;
  absl::Duration inline_budget;

  std::string models;
  std::string default_model;
  absl::Duration model_poll;
  repository::ModelSettings model_settings;

  std::optional<StoreAddress> feature_source;
  std::string feature_table;
  std::string feature_key;
  absl::Duration feature_source_timeout;
  int postgres_connections = 0;                 // of all loops together
  std::shared_ptr<const Schema> feature_names;  // null where none are given
  std::optional<redis::Address> feature_cache;
  std::string feature_cache_prefix;
  CacheEncoding feature_cache_encoding = CacheEncoding::kPacked;
  features::FeastEncoding::Options feast;  // of kFeast
  absl::Duration feature_cache_ttl;
  absl::Duration feature_cache_timeout;
  size_t local_cache_bytes = 0;
  absl::Duration local_cache_ttl;

  predict::SaveMode save = predict::SaveMode::kOff;
  std::optional<StoreAddress> save_to;

  std::vector<std::string> warnings;  // about flags that are no errors; for the log
};

// Parses the command line. Flags of Abseil (--help, --version) end the program here, as does what
// is wrong in the file of --flagfile.
// An error is one line that names the flag and says what to write instead.
absl::StatusOr<Config> ReadConfig(int argc, char** argv);

}  // namespace predictd::config

#endif  // PREDICTD_SERVER_CONFIG_CONFIG_H_
