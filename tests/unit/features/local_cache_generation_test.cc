// What is invalidated while it is read, who is unknown, and who reads anew.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/unit/features/local_cache_rig.h"

namespace predictd::features {
namespace {

void PutOf(CacheRig& rig, absl::string_view user, uint32_t generation, float value) {
  rig.cache.Put(user, kSchema, generation, {value}, rig.clock.WallNow(), rig.clock.Now());
}

TEST_CASE("a row that was read before its user was invalidated is not kept") {
  CacheRig rig;
  rig.Put("ann", {1.0f});
  const uint32_t before = rig.cache.Generation("ann");
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  CHECK_FALSE(rig.Has("ann"));
  PutOf(rig, "ann", before, 1.0f);
  CHECK_FALSE(rig.Has("ann"));
  rig.cache.PutUnknown("ann", kSchema, before, rig.clock.Now());
  CHECK(rig.Get("ann") == Found::kMiss);
  PutOf(rig, "ann", rig.cache.Generation("ann"), 2.0f);
  CHECK(rig.Has("ann"));
}

TEST_CASE("a row that was read before a flush is not kept, whoever it is of") {
  CacheRig rig;
  const uint32_t ann = rig.cache.Generation("ann");
  const uint32_t bob = rig.cache.Generation("bob");
  rig.Put("bob", {1.0f});
  rig.cache.Flush();
  CHECK_FALSE(rig.Has("bob"));
  PutOf(rig, "ann", ann, 1.0f);
  PutOf(rig, "bob", bob, 1.0f);
  CHECK_FALSE(rig.Has("ann"));
  CHECK_FALSE(rig.Has("bob"));
}

TEST_CASE("a row that is put in the instant of a flush is kept, one put before is gone for good") {
  CacheRig rig({.bytes = kMegabyte, .ttl = absl::Hours(1)});
  rig.Put("ann", {1.0f});
  // Beyond the number of flushes that are told apart.
  for (int i = 0; i < 5000; ++i) {
    rig.cache.Flush();
    REQUIRE_FALSE(rig.Has("ann"));
    rig.Put("bob", {2.0f});
    REQUIRE(rig.Has("bob"));
  }
  rig.Put("ann", {3.0f});
  CHECK(rig.Has("ann"));
}

TEST_CASE("the memory of flushed rows is used again") {
  CacheRig rig({.bytes = kMegabyte});
  const auto fill = [&](absl::string_view name) {
    for (int i = 0; i < 20000; ++i) rig.Put(absl::StrCat(name, i), {1.0f, 2.0f});
  };
  fill("user");
  const size_t rows = rig.cache.rows();
  rig.cache.Flush();
  fill("other");
  CHECK(rig.cache.bytes() <= kMegabyte);
  CHECK(rig.cache.rows() >= rows * 9 / 10);
  int kept = 0;
  for (int i = 0; i < 20000; ++i) kept += rig.Has(absl::StrCat("user", i));
  CHECK(kept == 0);
}

TEST_CASE("an echo that is due when the row goes covers nothing else") {
  CacheRig rig;
  rig.Put("ann", {1.0f});
  rig.cache.ExpectEcho("ann");
  SECTION("one row goes") { rig.cache.Invalidate("ann"); }
  SECTION("all go") { rig.cache.Flush(); }
  const uint32_t before = rig.cache.Generation("ann");
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  CHECK(rig.cache.Generation("ann") != before);
}

TEST_CASE("a cache that is off tells that a user was invalidated all the same") {
  LocalCache off({.bytes = 0});
  const uint32_t before = off.Generation("ann");
  CHECK(off.Generation("ann") == before);
  off.Invalidate("ann");
  CHECK(off.Generation("ann") != before);
  const uint32_t after = off.Generation("ann");
  off.Flush();
  CHECK(off.Generation("ann") != after);
}

TEST_CASE("an invalidation concerns few others") {
  CacheRig rig;
  std::vector<uint32_t> before;
  for (int i = 0; i < 1000; ++i) before.push_back(rig.cache.Generation(absl::StrCat("user", i)));
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  int changed = 0;
  for (int i = 0; i < 1000; ++i) {
    changed += rig.cache.Generation(absl::StrCat("user", i)) != before[i];
  }
  CHECK(changed <= 10);
}

TEST_CASE("erasing lets a read that is under way be kept") {
  CacheRig rig;
  const uint32_t before = rig.cache.Generation("ann");
  rig.cache.Erase("ann");
  PutOf(rig, "ann", before, 1.0f);
  CHECK(rig.Has("ann"));
}

TEST_CASE("an invalidated row of an earlier time is replaced by what is there now") {
  CacheRig rig;
  const absl::Time earlier = rig.clock.WallNow() - absl::Hours(1);
  rig.Put("ann", {1.0f});
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  rig.cache.Put("ann", kSchema, rig.cache.Generation("ann"), {2.0f}, earlier, rig.clock.Now());
  REQUIRE(rig.Has("ann"));
  CHECK(rig.values == FeatureValues{2.0f});
}

TEST_CASE("the echo of the server's own write leaves the row alone, the next change does not") {
  CacheRig rig;
  rig.Put("ann", {1.0f});
  rig.cache.ExpectEcho("ann");
  const uint32_t before = rig.cache.Generation("ann");
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  CHECK(rig.Has("ann"));
  CHECK(rig.cache.Generation("ann") == before);
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  CHECK_FALSE(rig.Has("ann"));
}

TEST_CASE("an echo that did not come covers nothing else") {
  CacheRig rig;
  rig.cache.ExpectEcho("nobody");
  rig.Put("late", {1.0f});
  rig.cache.ExpectEcho("late");
  rig.clock.Advance(absl::Milliseconds(1001));
  rig.cache.InvalidateUnlessEcho("late", rig.clock.Now());
  CHECK_FALSE(rig.Has("late"));

  rig.Put("other", {1.0f});
  rig.cache.ExpectEcho("other");
  rig.Put("other", {2.0f});
  rig.cache.InvalidateUnlessEcho("other", rig.clock.Now());
  CHECK_FALSE(rig.Has("other"));
}

TEST_CASE("a cache that is off has generations that never change") {
  CacheRig rig({.bytes = 0});
  const uint32_t before = rig.cache.Generation("ann");
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  rig.cache.Flush();
  CHECK(rig.cache.Generation("ann") == rig.cache.Generation("bob"));
  PutOf(rig, "ann", before, 1.0f);
  rig.PutUnknown("ann");
  CHECK(rig.Get("ann") == Found::kMiss);
}

TEST_CASE("an unknown user is known to be unknown for a time of its own") {
  CacheRig rig({.ttl = absl::Seconds(5), .unknown_ttl = absl::Seconds(2)});
  rig.PutUnknown("ann");
  CHECK(rig.Get("ann") == Found::kUnknown);
  CHECK(rig.Get("ann", kSchema + 1) == Found::kMiss);
  rig.clock.Advance(absl::Seconds(2));
  CHECK(rig.Get("ann") == Found::kUnknown);
  CHECK_FALSE(rig.refresh);
  rig.clock.Advance(absl::Milliseconds(1));
  CHECK(rig.Get("ann") == Found::kMiss);
}

TEST_CASE("an unknown user is kept no longer than a row, and not at all for a time of zero") {
  CacheRig brief({.ttl = absl::Milliseconds(100)});
  brief.PutUnknown("ann");
  brief.clock.Advance(absl::Milliseconds(101));
  CHECK(brief.Get("ann") == Found::kMiss);

  CacheRig off({.unknown_ttl = absl::ZeroDuration()});
  off.Put("ann", {1.0f});
  off.PutUnknown("ann");
  CHECK(off.Get("ann") == Found::kMiss);
}

TEST_CASE("a user becomes unknown, known again and unknown again") {
  CacheRig rig;
  // Rows with and without features: an unknown user is not told from a row by its size.
  const auto row = GENERATE(std::vector<float>{}, std::vector<float>{1.0f, 2.0f});
  for (int i = 0; i < 3; ++i) {
    rig.Put("ann", row);
    CHECK(rig.Get("ann") == Found::kRow);
    rig.PutUnknown("ann");
    CHECK(rig.Get("ann") == Found::kUnknown);
  }
  rig.cache.InvalidateUnlessEcho("ann", rig.clock.Now());
  CHECK(rig.Get("ann") == Found::kMiss);
  CHECK(rig.cache.rows() == 1);
}

TEST_CASE("unknown users are bounded like rows") {
  CacheRig rig({.bytes = kMegabyte});
  for (int i = 0; i < 100000; ++i) rig.PutUnknown(absl::StrCat("nobody", i));
  CHECK(rig.cache.bytes() <= kMegabyte);
}

TEST_CASE("one caller is told to read a row anew once half of its time has passed") {
  CacheRig rig({.ttl = absl::Seconds(4)});
  rig.Put("ann", {1.0f});
  rig.clock.Advance(absl::Seconds(2));
  CHECK(rig.Has("ann"));
  CHECK_FALSE(rig.refresh);
  rig.clock.Advance(absl::Milliseconds(1));
  // Whoever does not ask is not told, and leaves it to the next.
  CHECK(rig.cache.Get("ann", kSchema, rig.clock.Now(), &rig.values, &rig.read_at) == Found::kRow);
  CHECK(rig.Has("ann"));
  CHECK(rig.refresh);
  CHECK(rig.Has("ann"));
  CHECK_FALSE(rig.refresh);

  rig.Put("ann", {2.0f});
  rig.clock.Advance(absl::Milliseconds(2001));
  REQUIRE(rig.Has("ann"));
  CHECK(rig.refresh);
  CHECK(rig.values == FeatureValues{2.0f});
}

TEST_CASE("a row whose refresh never came serves to its end") {
  CacheRig rig({.ttl = absl::Seconds(4)});
  rig.Put("ann", {1.0f});
  rig.clock.Advance(absl::Seconds(3));
  CHECK(rig.Has("ann"));
  CHECK(rig.refresh);
  rig.clock.Advance(absl::Seconds(1));
  CHECK(rig.Has("ann"));
  CHECK_FALSE(rig.refresh);
  rig.clock.Advance(absl::Milliseconds(1));
  CHECK_FALSE(rig.Has("ann"));
}

TEST_CASE("whatever the threads do, no row outlives the invalidation after its change") {
  const SystemClock clock;
  LocalCache cache({});
  std::atomic<int> stored{0};  // the value in the store
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!stop) {
        const uint32_t generation = cache.Generation("ann");
        const auto value = static_cast<float>(stored.load());
        cache.Put("ann", kSchema, generation, {value}, absl::InfinitePast(), clock.Now());
      }
    });
  }
  int wrong = 0;
  FeatureValues values;
  absl::Time read_at;
  for (int i = 1; i <= 20000; ++i) {
    stored = i;
    if (i % 2 == 0) {
      cache.InvalidateUnlessEcho("ann", clock.Now());
    } else {
      cache.Flush();
    }
    if (cache.Get("ann", kSchema, clock.Now(), &values, &read_at) == Found::kRow) {
      wrong += values[0] != static_cast<float>(i);
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace predictd::features
