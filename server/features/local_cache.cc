#include "server/features/local_cache.h"

#include <algorithm>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace predictd::features {
namespace {

// Rows: long enough for memory to answer, for what the table says first.
constexpr size_t kTableAhead = 12;
constexpr size_t kRowAhead = 6;

// 0 where the time is unknown. A time before 1970 is as old as an unknown one.
int64_t StoredReadAt(absl::Time read_at) {
  constexpr int64_t kLast = (int64_t{1} << 42) - 1;
  return std::clamp<int64_t>(absl::ToUnixMillis(read_at), 0, kLast);
}

absl::Time ReadAt(int64_t stored) {
  return stored == 0 ? absl::InfinitePast() : absl::FromUnixMillis(stored);
}

}  // namespace

// On cache lines of its own, so that loops that use different shards do not slow each other.
struct alignas(64) LocalCache::Shard {
  mutable Mutex mutex;
  std::optional<CacheShard> cache ABSL_GUARDED_BY(mutex);
};

LocalCache::LocalCache(const Options& options) {
  if (options.bytes == 0 || options.ttl <= absl::ZeroDuration()) return;
  const absl::Duration unknown_ttl = std::min(options.unknown_ttl, options.ttl);
  shards_ = std::make_unique<Shard[]>(kShards);
  for (int i = 0; i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    shards_[i].cache.emplace(options.bytes / kShards, absl::ToInt64Milliseconds(options.ttl),
                             absl::ToInt64Milliseconds(unknown_ttl));
  }
  invalidations_ = std::make_unique<std::atomic<uint32_t>[]>(kGenerations);
}

LocalCache::~LocalCache() = default;

LocalCache::Shard& LocalCache::ShardOf(uint64_t hash) const { return shards_[hash >> 60]; }

std::atomic<uint32_t>& LocalCache::InvalidationsOf(uint64_t hash) const {
  return invalidations_[(hash >> 44) % kGenerations];
}

// A sum, so that it changes when either does.
uint32_t LocalCache::GenerationOf(uint64_t hash) const {
  return InvalidationsOf(hash).load(std::memory_order_acquire) +
         flushes_.load(std::memory_order_acquire);
}

Found LocalCache::Get(absl::string_view user_id, uint64_t schema_fingerprint, absl::Time now,
                      FeatureValues* values, absl::Time* read_at, bool* refresh) {
  if (refresh != nullptr) *refresh = false;
  if (shards_ == nullptr) return Found::kMiss;
  const uint64_t hash = CacheShard::Hash(user_id);
  const int64_t now_millis = absl::ToUnixMillis(now);
  int64_t stored;
  Found found;
  {
    Shard& shard = ShardOf(hash);
    MutexLock lock(shard.mutex);
    found =
        shard.cache->Get(user_id, hash, schema_fingerprint, now_millis, values, &stored, refresh);
  }
  if (found == Found::kRow) *read_at = ReadAt(stored);
  return found;
}

void LocalCache::Prefetch(absl::Span<const absl::string_view> coming) const {
  if (shards_ == nullptr) return;
  if (coming.size() > kTableAhead) {
    const uint64_t hash = CacheShard::Hash(coming[kTableAhead]);
    Shard& shard = ShardOf(hash);
    MutexLock lock(shard.mutex);
    shard.cache->PrefetchTable(hash);
  }
  if (coming.size() > kRowAhead) {
    const uint64_t hash = CacheShard::Hash(coming[kRowAhead]);
    Shard& shard = ShardOf(hash);
    MutexLock lock(shard.mutex);
    shard.cache->PrefetchRow(hash);
  }
}

uint32_t LocalCache::Generation(absl::string_view user_id) const {
  return shards_ == nullptr ? 0 : GenerationOf(CacheShard::Hash(user_id));
}

void LocalCache::Put(absl::string_view user_id, uint64_t schema_fingerprint, uint32_t generation,
                     absl::Span<const float> values, absl::Time read_at, absl::Time now) {
  Put(user_id, {schema_fingerprint, StoredReadAt(read_at), values}, generation, now);
}

void LocalCache::PutUnknown(absl::string_view user_id, uint64_t schema_fingerprint,
                            uint32_t generation, absl::Time now) {
  Put(user_id, {.fingerprint = schema_fingerprint, .values = {}, .unknown = true}, generation, now);
}

void LocalCache::Put(absl::string_view user_id, const CacheShard::Row& row, uint32_t generation,
                     absl::Time now) {
  if (shards_ == nullptr) return;
  const uint64_t hash = CacheShard::Hash(user_id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(shard.mutex);
  // Under the lock of Invalidate, and of Flush after its new generation: either that shows here, or
  // what is put now is taken away.
  if (GenerationOf(hash) != generation) return;
  shard.cache->Put(user_id, hash, row, absl::ToUnixMillis(now));
}

void LocalCache::Erase(absl::string_view user_id) {
  if (shards_ == nullptr) return;
  const uint64_t hash = CacheShard::Hash(user_id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(shard.mutex);
  shard.cache->Erase(user_id, hash);
}

void LocalCache::Clear() {
  if (shards_ == nullptr) return;
  for (int i = 0; i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    shards_[i].cache->Clear();
  }
}

void LocalCache::Invalidate(absl::string_view user_id) {
  if (shards_ == nullptr) return;
  const uint64_t hash = CacheShard::Hash(user_id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(shard.mutex);
  InvalidationsOf(hash).fetch_add(1, std::memory_order_acq_rel);
  shard.cache->Erase(user_id, hash);
}

void LocalCache::InvalidateUnlessEcho(absl::string_view user_id, absl::Time now) {
  if (shards_ == nullptr) return;
  const uint64_t hash = CacheShard::Hash(user_id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(shard.mutex);
  if (shard.cache->IsEcho(user_id, hash, absl::ToUnixMillis(now))) return;
  InvalidationsOf(hash).fetch_add(1, std::memory_order_acq_rel);
  shard.cache->Erase(user_id, hash);
}

void LocalCache::ExpectEcho(absl::string_view user_id) {
  if (shards_ == nullptr) return;
  const uint64_t hash = CacheShard::Hash(user_id);
  Shard& shard = ShardOf(hash);
  MutexLock lock(shard.mutex);
  shard.cache->ExpectEcho(user_id, hash);
}

void LocalCache::Flush() {
  flushes_.fetch_add(1, std::memory_order_acq_rel);
  Clear();
}

size_t LocalCache::bytes() const {
  size_t bytes = 0;
  for (int i = 0; shards_ != nullptr && i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    bytes += shards_[i].cache->bytes();
  }
  return bytes;
}

size_t LocalCache::rows() const {
  size_t rows = 0;
  for (int i = 0; shards_ != nullptr && i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    rows += shards_[i].cache->rows();
  }
  return rows;
}

}  // namespace predictd::features
