#include "server/features/redis_cache.h"

#include <utility>

#include "absl/status/statusor.h"

namespace predictd::features {

RedisCache::RedisCache(redis::Commands& redis, const RowEncoding& encoding, Metrics& metrics,
                       Options options)
    : redis_(redis), encoding_(encoding), metrics_(metrics), options_(std::move(options)) {}

Task<CacheAnswer> RedisCache::Read(std::string user_id, std::shared_ptr<const Schema> schema) {
  const std::optional<std::string> key = encoding_.Key(options_.prefix, user_id);
  if (!key) co_return CacheAnswer();
  // Held: the reader may have moved on to another schema when a redirection is followed.
  const std::shared_ptr<const std::vector<std::string>> fields = FieldsFor(*schema);
  const Arguments arguments = encoding_.ReadCommand(*key, *fields);
  auto command = redis_.Command(arguments);
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (reply.ok() && redis_.Redirects(*reply)) {
    Task<absl::StatusOr<redis::Reply>> following = redis_.Follow(*std::move(reply), arguments);
    reply = co_await std::move(following);
  }
  if (!reply.ok()) co_return CacheAnswer{.status = reply.status()};
  CacheAnswer answer = encoding_.Decode(*reply, schema);
  if (answer.error) {
    metrics_.CountStoreError(Store::kRedis, *answer.error);
    if (options_.problems != nullptr) options_.problems->Note(answer.problem);
  }
  co_return answer;
}

bool RedisCache::Fill(absl::string_view user_id, const FeatureRow& row) {
  if (options_.ttl <= absl::ZeroDuration()) return false;
  const std::optional<std::string> key = encoding_.Key(options_.prefix, user_id);
  if (!key) return false;
  bool written = false;
  encoding_.WriteCommands(*key, row, options_.ttl,
                          [&](absl::Span<const absl::string_view> command) {
                            const bool sent = redis_.Send(command);
                            // Fields that were not there to be taken away are told to nobody.
                            written |= sent && command.front() != "HDEL";
                          });
  return written;
}

void RedisCache::Drop(absl::string_view user_id, const Schema& schema) {
  const std::optional<std::string> key = encoding_.Key(options_.prefix, user_id);
  if (!key) return;
  const std::shared_ptr<const std::vector<std::string>> fields = FieldsFor(schema);
  const Arguments command = encoding_.DropCommand(*key, *fields);
  if (!command.empty()) redis_.Send(command);
}

std::shared_ptr<const std::vector<std::string>> RedisCache::FieldsFor(const Schema& schema) {
  if (fields_ == nullptr || fields_schema_ != schema.fingerprint()) {
    fields_ = std::make_shared<const std::vector<std::string>>(encoding_.Fields(schema));
    fields_schema_ = schema.fingerprint();
  }
  return fields_;
}

}  // namespace predictd::features
