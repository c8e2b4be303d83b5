// The way to a user's features that the flags name: in-process cache, Redis, source.
#ifndef PREDICTD_SERVER_FEATURE_TIERS_H_
#define PREDICTD_SERVER_FEATURE_TIERS_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/watcher.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/config/config.h"
#include "server/features/breaker.h"
#include "server/features/feature_writer.h"
#include "server/features/local_cache.h"
#include "server/features/reader.h"
#include "server/features/redis_cache.h"
#include "server/features/row_encoding.h"
#include "server/features/single_flight.h"
#include "server/features/value_problems.h"
#include "server/redis/commands.h"
#include "server/redis/invalidation_channel.h"
#include "server/redis/resolver.h"
#include "server/redis/server_state.h"
#include "server/sql/feature_sink_thread.h"
#include "server/sql/postgres_source.h"

namespace predictd {

// Main's thread only, but for what it hands out. Destroyed when no read is under way any more,
// after the loops' last turn and before the loops.
class FeatureTiers {
 public:
  // One loop's share; that loop's thread only.
  struct OfLoop {
    std::unique_ptr<redis::Commands> redis;
    std::unique_ptr<features::RedisCache> cache;
    std::unique_ptr<features::Reader> reader;         // null without any store
    std::unique_ptr<features::FeatureWriter> writer;  // null without a source
    // Waits, at the end, for reads that go on after their callers have gone.
    std::unique_ptr<Scope> end = std::make_unique<Scope>();
  };
  using SchemaFunction = std::function<const std::shared_ptr<const Schema>&()>;

  // What it is given outlives it.
  FeatureTiers(const config::Config& config, const Clock& clock, Metrics& metrics);

  // Opens the source. An error is one line that names the flag.
  absl::Status Open();

  // `models_schema`: the features of all models, which stand in for the schema where neither a
  // source nor --feature_names gives one, and but for `packed` until the source has told its
  // columns; called on the loop.
  std::unique_ptr<OfLoop> ForLoop(Loop& loop, int number, SchemaFunction models_schema);

  // Keeps the in-process cache honest: rows that change in Redis leave it. Without it, or while
  // Redis cannot be relied upon to tell, rows leave at --local_cache_ttl. Runs on `loop`.
  void WatchInvalidations(Loop& loop);

 private:
  absl::Status OpenSource();
  std::unique_ptr<FeatureSink> MakeSink() const;
  std::unique_ptr<redis::Commands> MakeRedis(Loop& loop);

  const config::Config& config_;
  const Clock& clock_;
  Metrics& metrics_;
  Watcher watcher_;
  redis::Resolver resolver_;
  redis::ServerStates redis_states_;
  std::unique_ptr<FeatureSource> source_;
  PostgresSource* postgres_source_ = nullptr;  // source_, where it is one
  std::optional<FeatureSinkThread> sink_;
  std::unique_ptr<features::RowEncoding> encoding_;
  features::ValueProblems problems_;
  features::LocalCache local_cache_;
  features::SingleFlight flights_;
  features::Breaker source_breaker_;
  std::unique_ptr<redis::InvalidationChannel> invalidations_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_FEATURE_TIERS_H_
