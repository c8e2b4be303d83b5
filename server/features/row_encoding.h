// How a row is stored under its Redis key: the value of --feature_cache_encoding.
#ifndef PREDICTD_SERVER_FEATURES_ROW_ENCODING_H_
#define PREDICTD_SERVER_FEATURES_ROW_ENCODING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/feature_row.h"
#include "server/base/schema.h"
#include "server/features/shared_cache.h"
#include "server/redis/reply.h"

namespace predictd::features {

// A command's name and arguments.
using Arguments = absl::InlinedVector<absl::string_view, 24>;

// Constant; any thread.
class RowEncoding {
 public:
  // Called with each command to send, in order; copies what it keeps.
  using Send = absl::FunctionRef<void(absl::Span<const absl::string_view>)>;

  virtual ~RowEncoding() = default;

  // The Redis key of a user's row, `prefix` being --feature_cache_prefix. Nothing: no key is this
  // user's, whom nobody therefore knows. Here and in the next two: prefix + user id.
  virtual std::optional<std::string> Key(absl::string_view prefix, absl::string_view user_id) const;
  // The user whose row is under `key`; nothing for a key that Key does not make.
  virtual std::optional<std::string> UserOf(absl::string_view prefix, absl::string_view key) const;
  // What all keys begin with.
  virtual std::string KeyHead(absl::string_view prefix) const;

  // The fields that are read of a Redis hash, for rows of `schema`: made once and kept by whoever
  // reads. None where the value is no hash.
  virtual std::vector<std::string> Fields(const Schema& schema) const = 0;

  // The command that reads `key`. Looks at both parameters, which outlive it.
  virtual Arguments ReadCommand(absl::string_view key,
                                absl::Span<const std::string> fields) const = 0;

  // What Redis answered to ReadCommand, whatever that is. Rows have origin kRedis.
  virtual CacheAnswer Decode(const redis::ReplyView& reply,
                             const std::shared_ptr<const Schema>& schema) const = 0;

  // The commands that store `row` and let it expire after `ttl`: above 0, InfiniteDuration for
  // never. None where the row has nothing to store.
  virtual void WriteCommands(absl::string_view key, const FeatureRow& row, absl::Duration ttl,
                             Send send) const = 0;

  // The command that takes `fields` away, or where there are none the value; empty where rows are
  // only read. Looks at both parameters, which outlive it.
  virtual Arguments DropCommand(absl::string_view key,
                                absl::Span<const std::string> fields) const = 0;
};

// HMGET.
Arguments HashReadCommand(absl::string_view key, absl::Span<const std::string> fields);

// An error that Redis answered to a read: WRONGTYPE is a miss and keeps the key from being written;
// the others say nothing about the key, so their status is UNAVAILABLE.
CacheAnswer DecodeError(const redis::ReplyView& reply);

// The two other kinds of miss: nothing there, and something that is no row.
CacheAnswer Nothing();
CacheAnswer Garbage(std::string problem);

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_ROW_ENCODING_H_
