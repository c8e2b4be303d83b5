// One part of the in-process row cache: a hash table whose entries are evicted by S3-FIFO.
//
// S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP
// 2023) keeps three first-in-first-out queues. A new row enters the small one, a tenth of the
// bytes, and leaves it soon unless it is used again: so a scan over many users only passes through
// the small queue. Rows used more than once there move to the main queue, where a used row gets
// another round. The ghost queue remembers who left lately, without their rows: who comes back
// enters the main one.
#ifndef PREDICTD_SERVER_FEATURES_CACHE_SHARD_H_
#define PREDICTD_SERVER_FEATURES_CACHE_SHARD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace predictd::features {

// What a look into the cache came to.
enum class Found {
  kMiss,
  kRow,
  kUnknown,  // nobody knew the user a moment ago
};

// Not synchronised; LocalCache holds a lock around every call. Times are milliseconds.
class CacheShard {
 public:
  // Longest user id and row that are kept; longer ones are not.
  static constexpr size_t kMaxKey = 1023;
  static constexpr size_t kMaxValues = 65535;

  // A row as it is stored. `read_at`: Unix milliseconds, 0 where unknown.
  struct Row {
    uint64_t fingerprint = 0;
    int64_t read_at = 0;
    absl::Span<const float> values;
    bool unknown = false;  // in place of a row: there is none
  };

  // A row as it is found: looks into the shard, good until the next call.
  struct View {
    const char* values = nullptr;  // `count` floats, not aligned
    size_t count = 0;
    int64_t read_at = 0;
  };

  static uint64_t Hash(absl::string_view key);

  // `limit`: bytes, all of the shard's own tables included. `max_age`: a row put longer ago is
  // none. `unknown_max_age`: the same for an unknown user; 0 = none are kept.
  CacheShard(size_t limit, int64_t max_age, int64_t unknown_max_age);
  ~CacheShard();
  CacheShard(const CacheShard&) = delete;
  CacheShard& operator=(const CacheShard&) = delete;

  // `hash` is Hash(key), here and below. kRow alone touches `row`. kMiss: nothing of that
  // fingerprint, or too old. `refresh`, where given, becomes true for the first to ask for a row
  // that has half of its age behind it.
  Found Get(absl::string_view key, uint64_t hash, uint64_t fingerprint, int64_t now, View* row,
            bool* refresh);

  // Begin to fetch what Get will read, which is far away where there are many rows: first the
  // table's memory, and once that is there the row's.
  void PrefetchTable(uint64_t hash) const;
  void PrefetchRow(uint64_t hash) const;

  // Keeps what is there where that is a row read from its source later than `row`, which is one
  // too.
  void Put(absl::string_view key, uint64_t hash, const Row& row, int64_t now);

  void Erase(absl::string_view key, uint64_t hash);

  // The row that is there has been written to Redis, which will tell of that: IsEcho says true
  // once, within a second of the row's Put.
  void ExpectEcho(absl::string_view key, uint64_t hash);
  bool IsEcho(absl::string_view key, uint64_t hash, int64_t now);

  // No row is found any more. Takes no time but once in 2,048 calls, as their memory goes when
  // others need it.
  void Flush();

  // What malloc holds for the shard.
  size_t bytes() const { return bytes_; }
  // Those included that are not found any more.
  size_t rows() const { return rows_; }

 private:
  struct Entry;
  // Oldest entry first.
  struct Queue {
    Entry* oldest = nullptr;
    Entry* newest = nullptr;
    size_t bytes = 0;
  };
  // One slot of the ghost queue: a key's tag, and the how-manieth it was to leave.
  struct Ghost {
    uint32_t tag = 0;
    uint32_t left = 0;
  };

  Entry* Find(absl::string_view key, uint64_t hash) const;
  void TakeOut(Entry& entry, uint64_t hash);
  void Evict(int64_t now);
  void Leave(Entry& entry);
  bool Fresh(const Entry& entry, int64_t now) const;
  absl::Span<Ghost> GhostSet(uint64_t hash);
  bool IsGhost(uint64_t hash);
  void Remember(uint64_t hash);
  void Free(Entry& entry);
  // Of all entries and ghosts.
  void Clear();

  static void Push(Queue& queue, Entry& entry);
  static Entry* Pop(Queue& queue);

  const size_t limit_;
  const int64_t max_age_;
  const int64_t unknown_max_age_;
  // Fixed in size: a table that grew would hold the lock while it moves every entry.
  std::vector<Entry*> buckets_;
  std::vector<Ghost> ghosts_;  // in sets; the oldest of a set gives way
  uint32_t departures_ = 0;
  Queue small_;
  Queue main_;
  size_t bytes_ = 0;
  size_t rows_ = 0;
  uint64_t flushes_ = 0;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_CACHE_SHARD_H_
