// Features: source, Redis, in-process cache.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/status.h"
#include "server/config/flag_groups.h"
#include "server/redis/tls.h"

ABSL_FLAG(std::string, feature_source, "",
          "where rows come from on a cache miss: sqlite:PATH or "
          "postgresql://[user[:password]@]host[:port]/database; empty = none");
ABSL_FLAG(std::string, feature_table, "user_features", "table or view with one row per user");
ABSL_FLAG(
    std::string, feature_key, "user_id",
    "key column of --feature_table, text or integer; every other numeric or boolean column is "
    "a feature");
ABSL_FLAG(absl::Duration, feature_source_timeout, absl::Seconds(1),
          "longest wait for one row of the source");
ABSL_FLAG(int, postgres_connections, 0,
          "connections to a PostgreSQL --feature_source, shared out between the event loops, at "
          "least one each; one more looks at the table; 0 = two for each event loop");
ABSL_FLAG(std::string, feature_names, "",
          "feature names in order, comma-separated, for packed Redis values without a source");
ABSL_FLAG(std::string, feature_cache, "",
          "redis://[user:password@]host:port[/db], unix:///path, or several servers of a cluster: "
          "redis-cluster://[user:password@]host:port,host:port; with TLS rediss:// or "
          "rediss-cluster://; empty = none");
ABSL_FLAG(
    std::string, feature_cache_ca, "",
    "PEM file with the authorities whose certificates Redis may have, with rediss://; empty = "
    "the system's");
ABSL_FLAG(
    std::string, feature_cache_cert, "",
    "PEM file with the certificate chain that is presented to Redis, which asks for one unless "
    "told otherwise (tls-auth-clients); empty = none");
ABSL_FLAG(std::string, feature_cache_key, "",
          "PEM file with the private key of --feature_cache_cert");
ABSL_FLAG(std::string, feature_cache_prefix,
          "features:", "Redis key = prefix + user_id; not with feast");
ABSL_FLAG(std::string, feature_cache_encoding, "packed",
          "packed (needs --feature_source or --feature_names), hash (field = feature name, value = "
          "decimal text) or feast (a Feast online store, which is only read)");
ABSL_FLAG(std::string, feast_project, "", "project of the Feast store");
ABSL_FLAG(std::string, feast_entity_key, "",
          "join key of the Feast entity whose values are the user ids");
ABSL_FLAG(std::string, feast_entity_type, "STRING",
          "type that the Feast entity was declared with: STRING, INT32, INT64, BYTES or "
          "UNIX_TIMESTAMP");
ABSL_FLAG(std::string, feast_view, "", "Feast feature view that the features belong to");
ABSL_FLAG(absl::Duration, feature_cache_ttl, absl::Hours(1),
          "expiry of what the server itself writes to Redis; 0 = it writes nothing");
ABSL_FLAG(absl::Duration, feature_cache_timeout, absl::Milliseconds(20),
          "longest wait for one Redis answer");
ABSL_FLAG(int, local_cache_mb, 64,
          "in-process row cache in MiB, shared by all event loops; 0 = off");
ABSL_FLAG(absl::Duration, local_cache_ttl, absl::Seconds(5), "longest age of an in-process row");

namespace predictd::config {
namespace {

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

}  // namespace

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

}  // namespace predictd::config
