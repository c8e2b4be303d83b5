#include "server/features/cache_shard.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "absl/hash/hash.h"

namespace predictd::features {
namespace {

// Bytes per bucket and per ghost. A row of 17 features takes 128: chains are short when the shard
// is full of such rows, because each entry on the way is a cache miss.
constexpr size_t kBytesPerBucket = 96;
constexpr size_t kBytesPerGhost = 192;
constexpr size_t kCacheLine = 64;  // bytes
// Ghosts of one set, which share half a cache line.
constexpr size_t kGhostSet = 4;
// Uses beyond this many do not count.
constexpr uint64_t kMaxUses = 3;
// Uses in the small queue that a row needs to move to the main one.
constexpr uint64_t kUsesToStay = 2;
// Most rows that one eviction sends round again: it runs on an event loop, under the lock.
constexpr int kMaxSecondChances = 64;
// Of the number of a flush, in each entry.
constexpr int kFlushBits = 11;
// Longest from a Put to the echo of its row's write to Redis. What has not come by then, because
// the write failed, must not cover somebody else's.
constexpr int64_t kLongestEcho = 1000;

// The low half of the hash, scaled to a number that need not be a power of two.
size_t Scale(uint64_t hash, size_t size) { return ((hash & 0xffffffff) * size) >> 32; }

// Bits of the hash that Scale depends on little.
uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 28); }

}  // namespace

// Followed in the same allocation by the key's bytes, mostly on the same cache line, and then the
// values, which are therefore not aligned.
struct CacheShard::Entry {
  Entry* next_in_queue;
  Entry* next_in_bucket;
  uint64_t fingerprint;
  uint64_t read_at : 42;  // milliseconds: until the year 2109
  uint64_t value_count : 16;
  uint64_t uses : 2;
  uint64_t dead : 1;        // out of the table; freed when its queue gets to it
  uint64_t stale : 1;       // erased; its place is kept for the next Put
  uint64_t unknown : 1;     // no row: nobody knew the user
  uint64_t refreshing : 1;  // somebody was told to read it anew; until the next Put
  uint64_t : 0;
  uint64_t put_at : 42;
  uint64_t key_size : 10;
  uint64_t flushes : kFlushBits;  // the shard's when it was put
  uint64_t echo : 1;              // Redis will tell of this very row; until the next Put

  char* key_bytes() { return reinterpret_cast<char*>(this + 1); }
  char* value_bytes() { return key_bytes() + key_size; }
  absl::string_view key() { return {key_bytes(), key_size}; }

  static size_t Size(size_t key_size, size_t value_count) {
    return sizeof(Entry) + value_count * sizeof(float) + key_size;
  }
  // With malloc's header and rounding.
  static size_t Footprint(size_t key_size, size_t value_count) {
    return (Size(key_size, value_count) + sizeof(void*) + 15) / 16 * 16;
  }
  size_t footprint() const { return Footprint(key_size, value_count); }
};

uint64_t CacheShard::Hash(absl::string_view key) { return absl::Hash<absl::string_view>{}(key); }

CacheShard::CacheShard(size_t limit, int64_t max_age, int64_t unknown_max_age)
    : limit_(limit),
      max_age_(max_age),
      unknown_max_age_(unknown_max_age),
      buckets_(limit / kBytesPerBucket + 1),
      ghosts_((limit / kBytesPerGhost / kGhostSet + 1) * kGhostSet),
      bytes_(sizeof(*this) + buckets_.size() * sizeof(Entry*) + ghosts_.size() * sizeof(Ghost)) {
  static_assert(sizeof(Entry) == 40, "each byte costs a megabyte per million rows");
}

CacheShard::~CacheShard() { Clear(); }

Found CacheShard::Get(absl::string_view key, uint64_t hash, uint64_t fingerprint, int64_t now,
                      View* row, bool* refresh) {
  Entry* entry = Find(key, hash);
  if (entry == nullptr || entry->fingerprint != fingerprint || !Fresh(*entry, now)) {
    return Found::kMiss;
  }
  if (entry->uses < kMaxUses) ++entry->uses;
  if (entry->unknown) return Found::kUnknown;
  const bool half_gone = now - static_cast<int64_t>(entry->put_at) > max_age_ / 2;
  if (half_gone && refresh != nullptr && !entry->refreshing) {
    entry->refreshing = 1;
    *refresh = true;
  }
  *row = {entry->value_bytes(), entry->value_count, static_cast<int64_t>(entry->read_at)};
  return Found::kRow;
}

void CacheShard::PrefetchTable(uint64_t hash) const {
  __builtin_prefetch(&buckets_[Scale(hash, buckets_.size())]);
}

void CacheShard::PrefetchRow(uint64_t hash) const {
  // As a number: the second line may lie behind a small entry.
  const auto entry = reinterpret_cast<uintptr_t>(buckets_[Scale(hash, buckets_.size())]);
  if (entry == 0) return;
  __builtin_prefetch(reinterpret_cast<const void*>(entry));
  __builtin_prefetch(reinterpret_cast<const void*>(entry + kCacheLine));
}

void CacheShard::Put(absl::string_view key, uint64_t hash, const Row& row, int64_t now) {
  if (row.unknown && unknown_max_age_ <= 0) return Erase(key, hash);
  const size_t count = row.values.size();
  if (key.size() > kMaxKey || count > kMaxValues) return;
  const size_t needed = Entry::Footprint(key.size(), count);

  Entry* entry = Find(key, hash);
  // Another schema: another size, or values that mean something else. Or a row instead of none.
  if (entry != nullptr && (entry->fingerprint != row.fingerprint || entry->value_count != count ||
                           entry->unknown != row.unknown)) {
    TakeOut(*entry, hash);
    entry->dead = 1;
    entry = nullptr;
  }
  if (entry != nullptr) {
    if (Fresh(*entry, now) && static_cast<int64_t>(entry->read_at) > row.read_at) return;
    // A row that had grown too old is asked for again: that is a use.
    if (entry->uses < kMaxUses) ++entry->uses;
  } else {
    // A row that would take a good part of the shard is not worth what it drives out.
    const size_t tables = bytes_ - small_.bytes - main_.bytes;
    if (tables + 4 * needed > limit_) return;
    while (bytes_ + needed > limit_) Evict(now);
    const bool returns = IsGhost(hash);
    entry = new (::operator new(Entry::Size(key.size(), count))) Entry{};
    entry->fingerprint = row.fingerprint;
    entry->value_count = count;
    entry->key_size = key.size();
    entry->unknown = row.unknown;
    std::memcpy(entry->key_bytes(), key.data(), key.size());
    Entry*& bucket = buckets_[Scale(hash, buckets_.size())];
    entry->next_in_bucket = bucket;
    bucket = entry;
    bytes_ += needed;
    ++rows_;
    Push(returns ? main_ : small_, *entry);
  }
  if (count > 0) std::memcpy(entry->value_bytes(), row.values.data(), count * sizeof(float));
  entry->read_at = static_cast<uint64_t>(row.read_at);
  entry->put_at = static_cast<uint64_t>(now);
  entry->flushes = flushes_;
  entry->stale = 0;
  entry->refreshing = 0;
  entry->echo = 0;
}

void CacheShard::Erase(absl::string_view key, uint64_t hash) {
  Entry* entry = Find(key, hash);
  if (entry == nullptr) return;
  entry->stale = 1;
  entry->echo = 0;
}

void CacheShard::ExpectEcho(absl::string_view key, uint64_t hash) {
  if (Entry* entry = Find(key, hash); entry != nullptr) entry->echo = 1;
}

bool CacheShard::IsEcho(absl::string_view key, uint64_t hash, int64_t now) {
  Entry* entry = Find(key, hash);
  if (entry == nullptr || !entry->echo || entry->flushes != flushes_) return false;
  entry->echo = 0;
  return now - static_cast<int64_t>(entry->put_at) <= kLongestEcho;
}

void CacheShard::Flush() {
  if (++flushes_ < uint64_t{1} << kFlushBits) return;
  // Numbers begin anew, so what is left of the first ones has to go.
  flushes_ = 0;
  Clear();
}

void CacheShard::Clear() {
  for (Queue* queue : {&small_, &main_}) {
    while (queue->oldest != nullptr) Free(*Pop(*queue));
  }
  std::fill(buckets_.begin(), buckets_.end(), nullptr);
  std::fill(ghosts_.begin(), ghosts_.end(), Ghost{});
  rows_ = 0;
}

CacheShard::Entry* CacheShard::Find(absl::string_view key, uint64_t hash) const {
  Entry* entry = buckets_[Scale(hash, buckets_.size())];
  while (entry != nullptr && entry->key() != key) entry = entry->next_in_bucket;
  return entry;
}

void CacheShard::TakeOut(Entry& entry, uint64_t hash) {
  Entry** link = &buckets_[Scale(hash, buckets_.size())];
  while (*link != &entry) link = &(*link)->next_in_bucket;
  *link = entry.next_in_bucket;
  --rows_;
}

// Frees one entry.
void CacheShard::Evict(int64_t now) {
  for (int chances = 0;; ++chances) {
    const bool from_small = small_.bytes >= limit_ / 10 || main_.oldest == nullptr;
    Entry& entry = *Pop(from_small ? small_ : main_);
    if (entry.dead) return Free(entry);
    // A row past its age has nothing left to give, however often it was used.
    const bool stays = chances < kMaxSecondChances && Fresh(entry, now) &&
                       entry.uses >= (from_small ? kUsesToStay : 1);
    if (!stays) return Leave(entry);
    entry.uses = from_small ? 0 : entry.uses - 1;
    Push(main_, entry);
  }
}

// For good, but for its ghost.
void CacheShard::Leave(Entry& entry) {
  const uint64_t hash = Hash(entry.key());
  Remember(hash);
  TakeOut(entry, hash);
  Free(entry);
}

bool CacheShard::Fresh(const Entry& entry, int64_t now) const {
  const int64_t max_age = entry.unknown ? unknown_max_age_ : max_age_;
  return !entry.stale && entry.flushes == flushes_ &&
         now - static_cast<int64_t>(entry.put_at) <= max_age;
}

absl::Span<CacheShard::Ghost> CacheShard::GhostSet(uint64_t hash) {
  const size_t set = Scale(hash, ghosts_.size() / kGhostSet);
  return absl::MakeSpan(ghosts_).subspan(set * kGhostSet, kGhostSet);
}

// The ghost queue is as long as there are rows in the shard.
bool CacheShard::IsGhost(uint64_t hash) {
  for (const Ghost& ghost : GhostSet(hash)) {
    if (ghost.tag == Tag(hash) && departures_ - ghost.left < rows_) return true;
  }
  return false;
}

void CacheShard::Remember(uint64_t hash) {
  const absl::Span<Ghost> set = GhostSet(hash);
  const auto oldest = std::max_element(set.begin(), set.end(), [&](const Ghost& a, const Ghost& b) {
    return departures_ - a.left < departures_ - b.left;
  });
  *oldest = {.tag = Tag(hash), .left = ++departures_};
}

void CacheShard::Push(Queue& queue, Entry& entry) {
  entry.next_in_queue = nullptr;
  (queue.oldest == nullptr ? queue.oldest : queue.newest->next_in_queue) = &entry;
  queue.newest = &entry;
  queue.bytes += entry.footprint();
}

CacheShard::Entry* CacheShard::Pop(Queue& queue) {
  Entry* const entry = queue.oldest;
  queue.oldest = entry->next_in_queue;
  queue.bytes -= entry->footprint();
  return entry;
}

// Of an entry that is in no queue.
void CacheShard::Free(Entry& entry) {
  bytes_ -= entry.footprint();
  ::operator delete(&entry);
}

}  // namespace predictd::features
