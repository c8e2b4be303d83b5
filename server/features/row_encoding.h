// How a row is stored under its Redis key: the value of --feature_cache_encoding.
#ifndef PREDICTD_SERVER_FEATURES_ROW_ENCODING_H_
#define PREDICTD_SERVER_FEATURES_ROW_ENCODING_H_

#include <memory>

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

  // The command that reads `key`. Looks at both parameters, which outlive it.
  virtual Arguments ReadCommand(absl::string_view key, const Schema& schema) const = 0;

  // What Redis answered to ReadCommand, whatever that is. Rows have origin kRedis.
  virtual CacheAnswer Decode(const redis::ReplyView& reply,
                             const std::shared_ptr<const Schema>& schema) const = 0;

  // The commands that store `row` and let it expire after `ttl`: above 0, InfiniteDuration for
  // never. None where the row has nothing to store.
  virtual void WriteCommands(absl::string_view key, const FeatureRow& row, absl::Duration ttl,
                             Send send) const = 0;
};

// An error that Redis answered to a read: WRONGTYPE is a miss and keeps the key from being written;
// the others say nothing about the key, so their status is UNAVAILABLE.
CacheAnswer DecodeError(const redis::ReplyView& reply);

// The two other kinds of miss: nothing there, and something that is no row.
CacheAnswer Nothing();
CacheAnswer Garbage();

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_ROW_ENCODING_H_
