#include "server/features/redis_cache.h"

#include <utility>

#include "absl/status/statusor.h"

namespace predictd::features {

RedisCache::RedisCache(redis::Client& client, const RowEncoding& encoding, Metrics& metrics,
                       Options options)
    : client_(client), encoding_(encoding), metrics_(metrics), options_(std::move(options)) {}

Task<CacheAnswer> RedisCache::Read(std::string user_id, std::shared_ptr<const Schema> schema) {
  const std::optional<std::string> key = encoding_.Key(options_.prefix, user_id);
  if (!key) co_return CacheAnswer();
  const Arguments arguments = encoding_.ReadCommand(*key, FieldsFor(*schema));
  auto command = client_.Command(arguments);
  const absl::StatusOr<redis::Reply> reply = co_await command;
  if (!reply.ok()) co_return CacheAnswer{.status = reply.status()};
  CacheAnswer answer = encoding_.Decode(*reply, schema);
  if (answer.error) metrics_.CountStoreError(Store::kRedis, *answer.error);
  co_return answer;
}

bool RedisCache::Fill(absl::string_view user_id, const FeatureRow& row) {
  if (options_.ttl <= absl::ZeroDuration()) return false;
  const std::optional<std::string> key = encoding_.Key(options_.prefix, user_id);
  if (!key) return false;
  bool written = false;
  encoding_.WriteCommands(*key, row, options_.ttl,
                          [&](absl::Span<const absl::string_view> command) {
                            client_.Send(command);
                            written = client_.up();
                          });
  return written;
}

const std::vector<std::string>& RedisCache::FieldsFor(const Schema& schema) {
  if (fields_schema_ != schema.fingerprint()) {
    fields_ = encoding_.Fields(schema);
    fields_schema_ = schema.fingerprint();
  }
  return fields_;
}

}  // namespace predictd::features
