// Rows that this process has read lately.
#ifndef PREDICTD_SERVER_FEATURES_LOCAL_CACHE_H_
#define PREDICTD_SERVER_FEATURES_LOCAL_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/feature_row.h"

namespace predictd::features {

// Shared by all loops, owned by main. Any thread. Bounded in bytes, what malloc adds and the tables
// included; what does not fit is evicted by S3-FIFO, so that a scan does not drive out the users
// who come again. One lock of sixteen per call.
//
// `now` is the loop's Clock::Now() and never WallNow().
class LocalCache {
 public:
  struct Options {
    // Bytes; 0 = off: nothing is kept, every Get is a miss.
    size_t bytes = size_t{64} << 20;
    // Longest time from Put to a Get that finds it; 0 = off.
    absl::Duration ttl = absl::Seconds(5);
  };

  explicit LocalCache(const Options& options);
  ~LocalCache();
  LocalCache(const LocalCache&) = delete;
  LocalCache& operator=(const LocalCache&) = delete;

  // False: no row of this schema, or one put longer than `ttl` ago. `values` and `read_at` are then
  // untouched. `read_at` is in whole milliseconds; InfinitePast where it is unknown. Allocates only
  // where the row is larger than the capacity of `values`.
  bool Get(absl::string_view user_id, uint64_t schema_fingerprint, absl::Time now,
           FeatureValues* values, absl::Time* read_at);

  // Replaces the user's row, unless the present one was read from its source later.
  void Put(absl::string_view user_id, uint64_t schema_fingerprint, absl::Span<const float> values,
           absl::Time read_at, absl::Time now);

  void Erase(absl::string_view user_id);
  void Clear();

  // At this moment.
  size_t bytes() const;
  size_t rows() const;

 private:
  struct Shard;
  static constexpr int kShards = 16;

  Shard& ShardOf(uint64_t hash) const;

  // Null when off.
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_LOCAL_CACHE_H_
