// Rows that this process has read lately.
#ifndef PREDICTD_SERVER_FEATURES_LOCAL_CACHE_H_
#define PREDICTD_SERVER_FEATURES_LOCAL_CACHE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/feature_row.h"
#include "server/features/cache_shard.h"

namespace predictd::features {

// Shared by all loops, owned by main. Any thread. Bounded in bytes, what malloc adds and the tables
// included; what does not fit is evicted by S3-FIFO, so that a scan does not drive out the users
// who come again. One lock of sixteen per user.
//
// A user's generation changes when the user's row is invalidated: what was read before may be out
// of date. Whoever reads a row asks for the generation before the read begins, and hands it to Put,
// which drops the row where it has changed since. Users share 4096 generations, so now and then a
// row is dropped for a neighbour's sake.
//
// `now` is the loop's Clock::Now() and never WallNow().
class LocalCache {
 public:
  struct Options {
    // Bytes; 0 = off: nothing is kept, every Get is a miss.
    size_t bytes = size_t{64} << 20;
    // Longest time from Put to a Get that finds it; 0 = off.
    absl::Duration ttl = absl::Seconds(5);
    // The same for PutUnknown, but never longer than `ttl`; 0 = unknown users are not kept.
    absl::Duration unknown_ttl = absl::Seconds(1);
  };

  explicit LocalCache(const Options& options);
  ~LocalCache();
  LocalCache(const LocalCache&) = delete;
  LocalCache& operator=(const LocalCache&) = delete;

  bool on() const { return shards_ != nullptr; }

  // kRow alone touches `values` and `read_at`, which is in whole milliseconds; InfinitePast where
  // it is unknown. kMiss: nothing of this schema, or put too long ago. Allocates only where the row
  // is larger than the capacity of `values`. `refresh`, where given, says whether the caller is to
  // read the row anew while this one still serves: true for exactly one caller once more than half
  // of `ttl` has passed, until the next Put.
  Found Get(absl::string_view user_id, uint64_t schema_fingerprint, absl::Time now,
            FeatureValues* values, absl::Time* read_at, bool* refresh = nullptr);

  // One of many users that are looked up together.
  struct Look {
    absl::string_view user_id;
    // Where kRow writes the row, of the size that all have.
    float* values = nullptr;
    // The rest is the answer, as Get's.
    Found found = Found::kMiss;
    bool refresh = false;
    int64_t read_at = 0;  // Unix milliseconds, 0 where unknown
  };
  // Of a Look's read_at; InfinitePast of 0.
  static absl::Time ReadAt(int64_t stored);
  // Get for all of `looks`, in less time: users of a shard share its lock, and what is far
  // away in memory is fetched while others are. kMiss too for a row of another size than
  // `row_size`.
  void GetMany(absl::Span<Look> looks, uint64_t schema_fingerprint, size_t row_size,
               absl::Time now);

  // To be asked before the user's row is read: another one afterwards means that what was read may
  // have been overtaken. Also while the cache is off.
  uint32_t Generation(absl::string_view user_id) const;

  // Replaces the user's row, unless the present one was read from its source later or the user's
  // generation is no longer `generation`.
  void Put(absl::string_view user_id, uint64_t schema_fingerprint, uint32_t generation,
           absl::Span<const float> values, absl::Time read_at, absl::Time now);
  // The same for a user whom nobody knew, whatever is there.
  void PutUnknown(absl::string_view user_id, uint64_t schema_fingerprint, uint32_t generation,
                  absl::Time now);

  // Leaves the generation alone.
  void Erase(absl::string_view user_id);

  // Erase, and a new generation: what is being read does not come back.
  void Invalidate(absl::string_view user_id);
  // The same for what Redis tells, but nothing where it is the echo of ExpectEcho.
  void InvalidateUnlessEcho(absl::string_view user_id, absl::Time now);
  // The row just put was written to Redis too, which tells of every write: the next
  // InvalidateUnlessEcho, within a second, is about this one. Somebody else's write that Redis
  // tells of together with it goes unnoticed until `ttl`.
  void ExpectEcho(absl::string_view user_id);
  // Erase, and a new generation, of every user, in a time that does not depend on how many are
  // kept: their memory goes as others need it.
  void Flush();

  // At this moment; unknown users count as rows, and so does what is not found any more until its
  // memory goes. The generations take 16 KiB beside `bytes`.
  size_t bytes() const;
  size_t rows() const;

 private:
  struct Shard;
  static constexpr int kShards = 16;
  static constexpr int kGenerations = 4096;

  static int ShardIndex(uint64_t hash) { return static_cast<int>(hash >> 60); }
  Shard& ShardOf(uint64_t hash) const;
  std::atomic<uint32_t>& InvalidationsOf(uint64_t hash) const;
  uint32_t GenerationOf(uint64_t hash) const;
  void GetSorted(absl::Span<Look> looks, uint64_t schema_fingerprint, size_t row_size,
                 int64_t now_millis);
  void Put(absl::string_view user_id, const CacheShard::Row& row, uint32_t generation,
           absl::Time now);

  // Null when off.
  std::unique_ptr<Shard[]> shards_;
  const std::unique_ptr<std::atomic<uint32_t>[]> invalidations_ =
      std::make_unique<std::atomic<uint32_t>[]>(kGenerations);
  std::atomic<uint32_t> flushes_{0};
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_LOCAL_CACHE_H_
