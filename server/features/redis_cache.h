// The shared cache in Redis.
#ifndef PREDICTD_SERVER_FEATURES_REDIS_CACHE_H_
#define PREDICTD_SERVER_FEATURES_REDIS_CACHE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/metrics.h"
#include "server/features/row_encoding.h"
#include "server/features/shared_cache.h"
#include "server/features/value_problems.h"
#include "server/redis/commands.h"

namespace predictd::features {

// One per loop, on that loop's client or cluster client, which outlives it. Counts values that are
// no rows, as errors of Store::kRedis; the client counts whatever keeps it from an answer.
class RedisCache : public SharedCache {
 public:
  struct Options {
    // Redis key = prefix + user id, but for encodings that say otherwise.
    std::string prefix = "features:";
    // Expiry of what Fill writes; 0 = Fill writes nothing, InfiniteDuration = no expiry.
    absl::Duration ttl = absl::Hours(1);
    // Where values that are no rows are told of; outlives the cache. Null = nowhere.
    ValueProblems* problems = nullptr;
  };

  RedisCache(redis::Commands& redis, const RowEncoding& encoding, Metrics& metrics,
             Options options);

  Task<CacheAnswer> Read(std::string user_id, std::shared_ptr<const Schema> schema) override;
  bool Fill(absl::string_view user_id, const FeatureRow& row) override;
  void Drop(absl::string_view user_id, const Schema& schema) override;

 private:
  std::shared_ptr<const std::vector<std::string>> FieldsFor(const Schema& schema);

  redis::Commands& redis_;
  const RowEncoding& encoding_;
  Metrics& metrics_;
  const Options options_;

  // Of the schema that was read last, by its fingerprint: it hardly ever changes.
  uint64_t fields_schema_ = 0;
  std::shared_ptr<const std::vector<std::string>> fields_;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_REDIS_CACHE_H_
