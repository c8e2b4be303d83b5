#include "server/feature_tiers.h"

#include <string>
#include <utility>

#include "server/base/status.h"
#include "server/features/feast_encoding.h"
#include "server/features/hash_encoding.h"
#include "server/features/packed_encoding.h"
#include "server/redis/client.h"
#include "server/redis/cluster_client.h"
#include "server/sql/postgres_feature_sink.h"
#include "server/sql/sqlite_feature_sink.h"
#include "server/sql/sqlite_source.h"

namespace predictd {
namespace {

std::unique_ptr<features::RowEncoding> MakeEncoding(const config::Config& config) {
  switch (config.feature_cache_encoding) {
    case config::CacheEncoding::kPacked:
      break;
    case config::CacheEncoding::kHash:
      return std::make_unique<features::HashEncoding>();
    case config::CacheEncoding::kFeast:
      return std::make_unique<features::FeastEncoding>(config.feast);
  }
  return std::make_unique<features::PackedEncoding>();
}

// The source's schema, for one loop; while it is not known, as `until_known` says.
FeatureTiers::SchemaFunction SchemaOf(const FeatureSource& source,
                                      FeatureTiers::SchemaFunction until_known) {
  return
      [&source, until_known = std::move(until_known), generation = uint64_t{0},
       schema = std::shared_ptr<const Schema>()]() mutable -> const std::shared_ptr<const Schema>& {
        if (const uint64_t now = source.schema_generation(); now != generation) {
          generation = now;
          schema = source.schema();
        }
        return schema == nullptr ? until_known() : schema;
      };
}

// Packed values are of all columns: the models' features cannot stand in for them.
FeatureTiers::SchemaFunction NoNames() {
  return [schema = std::make_shared<const Schema>(std::vector<std::string>())]()
             -> const std::shared_ptr<const Schema>& { return schema; };
}

}  // namespace

FeatureTiers::FeatureTiers(const config::Config& config, const Clock& clock, Metrics& metrics)
    : config_(config),
      clock_(clock),
      metrics_(metrics),
      encoding_(MakeEncoding(config)),
      problems_(clock),
      local_cache_({config.local_cache_bytes, config.local_cache_ttl}) {}

absl::Status FeatureTiers::Open() {
  if (!config_.feature_source) return absl::OkStatus();
  PREDICTD_RETURN_IF_ERROR(OpenSource());
  sink_.emplace(MakeSink(), clock_, metrics_);
  return absl::OkStatus();
}

absl::Status FeatureTiers::OpenSource() {
  const StoreAddress& address = *config_.feature_source;
  if (address.kind == StoreKind::kPostgres) {
    auto source = PostgresSource::Create({.uri = address.path,
                                          .table = config_.feature_table,
                                          .key_column = config_.feature_key,
                                          .read_timeout = config_.feature_source_timeout},
                                         clock_, watcher_, metrics_);
    PREDICTD_RETURN_IF_ERROR(source.status());
    postgres_source_ = source->get();
    source_ = *std::move(source);
    return absl::OkStatus();
  }
  auto source = SqliteSource::Create({.path = address.path,
                                      .table = config_.feature_table,
                                      .key_column = config_.feature_key,
                                      .read_timeout = config_.feature_source_timeout},
                                     clock_, metrics_);
  PREDICTD_RETURN_IF_ERROR(source.status());
  source_ = *std::move(source);
  return absl::OkStatus();
}

std::unique_ptr<FeatureSink> FeatureTiers::MakeSink() const {
  const StoreAddress& address = *config_.feature_source;
  if (address.kind == StoreKind::kSqlite) {
    return std::make_unique<SqliteFeatureSink>(
        SqliteFeatureSink::Options{address.path, config_.feature_table, config_.feature_key},
        clock_);
  }
  return std::make_unique<PostgresFeatureSink>(
      PostgresFeatureSink::Options{address.path, config_.feature_table, config_.feature_key},
      clock_);
}

std::unique_ptr<redis::Commands> FeatureTiers::MakeRedis(Loop& loop) {
  const redis::Address& address = *config_.feature_cache;
  const absl::Duration timeout = config_.feature_cache_timeout;
  if (address.is_cluster()) {
    return std::make_unique<redis::ClusterClient>(loop, watcher_, resolver_, metrics_, address,
                                                  timeout, redis_states_);
  }
  return std::make_unique<redis::Client>(
      loop, watcher_, resolver_, metrics_, address, timeout,
      redis::ClientOptions{.state = redis_states_.For(address.ToString())});
}

std::unique_ptr<FeatureTiers::OfLoop> FeatureTiers::ForLoop(Loop& loop, int number,
                                                            SchemaFunction models_schema) {
  auto tiers = std::make_unique<OfLoop>();
  if (config_.feature_cache) {
    tiers->redis = MakeRedis(loop);
    tiers->cache = std::make_unique<features::RedisCache>(
        *tiers->redis, *encoding_, metrics_,
        features::RedisCache::Options{config_.feature_cache_prefix, config_.feature_cache_ttl,
                                      &problems_});
  }
  if (postgres_source_ != nullptr) {
    postgres_source_->AddLoop(
        loop, ConnectionsOfLoop(config_.postgres_connections, config_.event_loops, number));
  }
  if (tiers->cache == nullptr && source_ == nullptr) return tiers;

  features::Reader::Options options;
  options.schema = source_ != nullptr ? nullptr : config_.feature_names;
  options.current_schema = std::move(models_schema);
  if (source_ != nullptr) {
    const bool packed = config_.feature_cache_encoding == config::CacheEncoding::kPacked;
    options.current_schema =
        SchemaOf(*source_, packed ? NoNames() : std::move(options.current_schema));
  }
  options.source_timeout = config_.feature_source_timeout;
  options.cache_ttl = config_.feature_cache_ttl;
  options.breaker = &source_breaker_;
  options.metrics = &metrics_;
  tiers->reader = std::make_unique<features::Reader>(loop, std::move(options), local_cache_,
                                                     flights_, tiers->cache.get(), source_.get());
  if (sink_) {
    tiers->writer = std::make_unique<features::FeatureWriter>(
        loop, *sink_, [reader = tiers->reader.get()](std::string user_id) {
          return reader->Changed(std::move(user_id));
        });
  }
  return tiers;
}

void FeatureTiers::WatchInvalidations(Loop& loop) {
  if (!config_.feature_cache || config_.feature_cache->is_cluster() || !local_cache_.on()) return;
  redis::InvalidationChannel::Events events;
  events.on_invalidate = [this](absl::string_view key) {
    const auto user_id = encoding_->UserOf(config_.feature_cache_prefix, key);
    if (user_id) local_cache_.InvalidateUnlessEcho(*user_id, clock_.Now());
  };
  events.on_flush = [this] { local_cache_.Flush(); };
  // What was read before may have changed unheard.
  events.on_working = [this] { local_cache_.Flush(); };
  events.on_lost = [this](const absl::Status&) { local_cache_.Flush(); };
  invalidations_ = std::make_unique<redis::InvalidationChannel>(
      loop, watcher_, resolver_, metrics_, *config_.feature_cache,
      redis::InvalidationChannel::Options{encoding_->KeyHead(config_.feature_cache_prefix)},
      std::move(events));
}

}  // namespace predictd
