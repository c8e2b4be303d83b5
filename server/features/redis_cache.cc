#include "server/features/redis_cache.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace predictd::features {

RedisCache::RedisCache(redis::Commands& redis, const RowEncoding& encoding, Metrics& metrics,
                       Options options)
    : redis_(redis), encoding_(encoding), metrics_(metrics), options_(std::move(options)) {}

Task<CacheAnswer> RedisCache::Read(std::string user_id, std::shared_ptr<const Schema> schema) {
  const std::string key = absl::StrCat(options_.prefix, user_id);
  const Arguments arguments = encoding_.ReadCommand(key, *schema);
  auto command = redis_.Command(arguments);
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (reply.ok() && redis_.Redirects(*reply)) {
    Task<absl::StatusOr<redis::Reply>> following = redis_.Follow(*std::move(reply), arguments);
    reply = co_await std::move(following);
  }
  if (!reply.ok()) co_return CacheAnswer{.status = reply.status()};
  CacheAnswer answer = encoding_.Decode(*reply, schema);
  if (answer.error) metrics_.CountStoreError(Store::kRedis, *answer.error);
  co_return answer;
}

void RedisCache::Fill(absl::string_view user_id, const FeatureRow& row) {
  if (options_.ttl <= absl::ZeroDuration()) return;
  const std::string key = absl::StrCat(options_.prefix, user_id);
  encoding_.WriteCommands(
      key, row, options_.ttl,
      [this](absl::Span<const absl::string_view> command) { redis_.Send(command); });
}

}  // namespace predictd::features
