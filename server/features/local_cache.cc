#include "server/features/local_cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace predictd::features {
namespace {

// Looks that are sorted by shard at once, in memory on the stack.
constexpr size_t kLooksSorted = 1024;
// Looks whose memory is fetched at once: it must still be in the nearest cache when they get there,
// and whoever waits for the lock waits for all of them, a few microseconds.
constexpr size_t kLooksFetched = 64;

// 0 where the time is unknown. A time before 1970 is as old as an unknown one.
int64_t StoredReadAt(absl::Time read_at) {
  constexpr int64_t kLast = (int64_t{1} << 42) - 1;
  return std::clamp<int64_t>(absl::ToUnixMillis(read_at), 0, kLast);
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
}

LocalCache::~LocalCache() = default;

absl::Time LocalCache::ReadAt(int64_t stored) {
  return stored == 0 ? absl::InfinitePast() : absl::FromUnixMillis(stored);
}

LocalCache::Shard& LocalCache::ShardOf(uint64_t hash) const { return shards_[ShardIndex(hash)]; }

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
  CacheShard::View row;
  Found found;
  {
    Shard& shard = ShardOf(hash);
    MutexLock lock(shard.mutex);
    found = shard.cache->Get(user_id, hash, schema_fingerprint, now_millis, &row, refresh);
    if (found == Found::kRow) {
      values->resize(row.count);
      std::memcpy(values->data(), row.values, row.count * sizeof(float));
    }
  }
  if (found == Found::kRow) *read_at = ReadAt(row.read_at);
  return found;
}

void LocalCache::GetMany(absl::Span<Look> looks, uint64_t schema_fingerprint, size_t row_size,
                         absl::Time now) {
  for (Look& look : looks) {
    look.found = Found::kMiss;
    look.refresh = false;
  }
  if (shards_ == nullptr) return;
  const int64_t now_millis = absl::ToUnixMillis(now);
  for (; !looks.empty(); looks.remove_prefix(std::min(looks.size(), kLooksSorted))) {
    GetSorted(looks.first(std::min(looks.size(), kLooksSorted)), schema_fingerprint, row_size,
              now_millis);
  }
}

void LocalCache::GetSorted(absl::Span<Look> looks, uint64_t schema_fingerprint, size_t row_size,
                           int64_t now_millis) {
  std::array<uint64_t, kLooksSorted> hashes;
  std::array<size_t, kShards + 1> begins{};  // of each shard's part of `order`
  for (size_t i = 0; i < looks.size(); ++i) {
    hashes[i] = CacheShard::Hash(looks[i].user_id);
    ++begins[ShardIndex(hashes[i]) + 1];
  }
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::array<uint16_t, kLooksSorted> order;
  std::array<size_t, kShards + 1> ends = begins;
  for (size_t i = 0; i < looks.size(); ++i) {
    order[ends[ShardIndex(hashes[i])]++] = static_cast<uint16_t>(i);
  }
  for (int s = 0; s < kShards; ++s) {
    absl::Span<const uint16_t> part(order.data() + begins[s], begins[s + 1] - begins[s]);
    while (!part.empty()) {
      const absl::Span<const uint16_t> together = part.first(std::min(part.size(), kLooksFetched));
      part.remove_prefix(together.size());
      MutexLock lock(shards_[s].mutex);
      CacheShard& shard = *shards_[s].cache;
      for (const uint16_t i : together) shard.PrefetchTable(hashes[i]);
      for (const uint16_t i : together) shard.PrefetchRow(hashes[i]);
      for (const uint16_t i : together) {
        Look& look = looks[i];
        CacheShard::View row;
        look.found =
            shard.Get(look.user_id, hashes[i], schema_fingerprint, now_millis, &row, &look.refresh);
        if (look.found != Found::kRow) continue;
        if (row.count != row_size) {
          look.found = Found::kMiss;
          continue;
        }
        std::memcpy(look.values, row.values, row_size * sizeof(float));
        look.read_at = row.read_at;
      }
    }
  }
}

uint32_t LocalCache::Generation(absl::string_view user_id) const {
  return GenerationOf(CacheShard::Hash(user_id));
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

void LocalCache::Invalidate(absl::string_view user_id) {
  const uint64_t hash = CacheShard::Hash(user_id);
  if (shards_ == nullptr) {
    InvalidationsOf(hash).fetch_add(1, std::memory_order_acq_rel);
    return;
  }
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
  for (int i = 0; shards_ != nullptr && i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    shards_[i].cache->Flush();
  }
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
