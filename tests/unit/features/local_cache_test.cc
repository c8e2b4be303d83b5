#include "server/features/local_cache.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"
#include "tests/unit/features/local_cache_rig.h"

namespace predictd::features {
namespace {

TEST_CASE("a row comes back as it was put") {
  CacheRig cache;
  CHECK_FALSE(cache.Has("ann"));
  cache.Put("ann", {1.5f, -2.0f});
  cache.Put("bob", {3.0f, 4.0f});
  REQUIRE(cache.Has("ann"));
  CHECK(cache.values == FeatureValues{1.5f, -2.0f});
  CHECK(cache.read_at == cache.clock.WallNow());
  REQUIRE(cache.Has("bob"));
  CHECK(cache.values == FeatureValues{3.0f, 4.0f});
  CHECK(cache.cache.rows() == 2);
}

TEST_CASE("many users looked up at once are found as they are one by one") {
  CacheRig cache({.ttl = absl::Seconds(5)});
  std::vector<std::string> users;
  for (int i = 0; i < 3000; ++i) users.push_back(absl::StrCat("user", i));
  for (int i = 0; i < 3000; i += 3) cache.Put(users[i], {static_cast<float>(i), 0.5f});
  cache.Put(users[4], {4.0f}, kSchema + 1);
  cache.Put(users[7], {7.0f, 7.0f, 7.0f});  // of another size
  cache.clock.Advance(absl::Milliseconds(2600));
  cache.Put(users[3], {33.0f, 0.5f});
  cache.PutUnknown(users[1]);

  std::vector<float> values(2 * users.size());
  std::vector<LocalCache::Look> looks;
  for (size_t i = 0; i < users.size(); ++i) looks.push_back({users[i], &values[2 * i]});
  for (const bool first : {true, false}) {
    cache.cache.GetMany(absl::MakeSpan(looks), kSchema, 2, cache.clock.Now());
    for (int i = 0; i < 3000; ++i) {
      CAPTURE(i);
      if (i % 3 != 0) {
        CHECK(looks[i].found == (i == 1 ? Found::kUnknown : Found::kMiss));
        continue;
      }
      CHECK(looks[i].found == Found::kRow);
      CHECK(values[2 * i] == (i == 3 ? 33 : i));
      CHECK(values[2 * i + 1] == 0.5f);
      CHECK(looks[i].read_at == absl::ToUnixMillis(cache.clock.WallNow()) - (i == 3 ? 0 : 2600));
      CHECK(looks[i].refresh == (first && i != 3));
    }
  }
}

TEST_CASE("a row of unknown age stays of unknown age") {
  CacheRig cache;
  cache.cache.Put("ann", kSchema, cache.cache.Generation("ann"), {1.0f}, absl::InfinitePast(),
                  cache.clock.Now());
  REQUIRE(cache.Has("ann"));
  CHECK(cache.read_at == absl::InfinitePast());
}

TEST_CASE("a row is a miss once its time to live is over, until it is put again") {
  CacheRig cache({.ttl = absl::Seconds(5)});
  cache.Put("ann", {1.0f});
  cache.clock.Advance(absl::Seconds(5));
  CHECK(cache.Has("ann"));
  cache.clock.Advance(absl::Milliseconds(1));
  CHECK_FALSE(cache.Has("ann"));
  cache.Put("ann", {2.0f});
  REQUIRE(cache.Has("ann"));
  CHECK(cache.values == FeatureValues{2.0f});
  CHECK(cache.cache.rows() == 1);
}

TEST_CASE("a row of another schema is a miss and is replaced") {
  CacheRig cache;
  cache.Put("ann", {1.0f}, 1);
  CHECK_FALSE(cache.Has("ann", 2));
  cache.Put("ann", {1.0f, 2.0f, 3.0f}, 2);
  CHECK_FALSE(cache.Has("ann", 1));
  REQUIRE(cache.Has("ann", 2));
  CHECK(cache.values == FeatureValues{1.0f, 2.0f, 3.0f});
  CHECK(cache.cache.rows() == 1);
}

TEST_CASE("a row that was read from its source later is not replaced by an earlier one") {
  CacheRig cache({.ttl = absl::Seconds(5)});
  const absl::Time early = cache.clock.WallNow();
  cache.clock.Advance(absl::Seconds(1));
  cache.Put("ann", {2.0f});
  cache.cache.Put("ann", kSchema, cache.cache.Generation("ann"), {1.0f}, early, cache.clock.Now());
  REQUIRE(cache.Has("ann"));
  CHECK(cache.values == FeatureValues{2.0f});
  SECTION("but a row past its time to live is") {
    cache.clock.Advance(absl::Seconds(6));
    cache.cache.Put("ann", kSchema, cache.cache.Generation("ann"), {1.0f}, early,
                    cache.clock.Now());
    REQUIRE(cache.Has("ann"));
    CHECK(cache.values == FeatureValues{1.0f});
  }
}

TEST_CASE("an erased row is a miss, the others are not") {
  CacheRig cache;
  cache.Put("ann", {1.0f});
  cache.Put("bob", {2.0f});
  cache.cache.Erase("ann");
  cache.cache.Erase("nobody");
  CHECK_FALSE(cache.Has("ann"));
  CHECK(cache.Has("bob"));
  cache.Put("ann", {3.0f});
  CHECK(cache.Has("ann"));
}

TEST_CASE("a cache of no bytes or of no time to live keeps nothing") {
  const auto options =
      GENERATE(LocalCache::Options{.bytes = 0}, LocalCache::Options{.ttl = absl::ZeroDuration()});
  CacheRig cache(options);
  cache.Put("ann", {1.0f});
  cache.cache.Erase("ann");
  cache.cache.Flush();
  CHECK_FALSE(cache.Has("ann"));
  CHECK(cache.cache.bytes() == 0);
  CHECK(cache.cache.rows() == 0);
}

TEST_CASE("a row without an end to its life stays") {
  CacheRig cache({.ttl = absl::InfiniteDuration()});
  cache.Put("ann", {1.0f});
  cache.clock.Advance(absl::Hours(24 * 365));
  CHECK(cache.Has("ann"));
}

TEST_CASE("the bytes never pass the limit, whatever the sizes of rows") {
  CacheRig cache({.bytes = kMegabyte});
  for (int i = 0; i < 50000; ++i) {
    cache.Put(absl::StrCat("user", i % 20000), std::vector<float>(i * 7 % 400), i % 3);
    if (i % 100 == 0) REQUIRE(cache.cache.bytes() <= kMegabyte);
  }
  CHECK(cache.cache.bytes() > kMegabyte / 2);
}

TEST_CASE("a row larger than a shard has room for is not kept") {
  CacheRig cache({.bytes = kMegabyte});
  cache.Put("ann", {1.0f});
  cache.Put("huge", std::vector<float>(100000));
  cache.Put("large", std::vector<float>(20000));
  cache.Put(std::string(2000, 'x'), {1.0f});
  CHECK_FALSE(cache.Has("huge"));
  CHECK_FALSE(cache.Has("large"));
  CHECK_FALSE(cache.Has(std::string(2000, 'x')));
  CHECK(cache.Has("ann"));
}

TEST_CASE("users who come again survive a scan over ten times the capacity") {
  CacheRig cache({.bytes = kMegabyte});
  const std::vector<float> row(17, 1.0f);
  constexpr int kHot = 1000;
  int scanned = 0;
  // Warm: the hot users come several times among the others.
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kHot; ++i) {
      const std::string user = absl::StrCat("hot", i);
      if (!cache.Has(user)) cache.Put(user, row);
    }
    for (int i = 0; i < 500; ++i) cache.Put(absl::StrCat("cold", scanned++), row);
  }
  const size_t capacity = [&] {
    for (int i = 0; i < 20000; ++i) cache.Put(absl::StrCat("cold", scanned++), row);
    return cache.cache.rows();
  }();
  CHECK(capacity > 5000);
  for (size_t i = 0; i < 10 * capacity; ++i) cache.Put(absl::StrCat("cold", scanned++), row);
  int kept = 0;
  for (int i = 0; i < kHot; ++i) kept += cache.Has(absl::StrCat("hot", i));
  CHECK(kept >= kHot * 9 / 10);
  CHECK(cache.cache.rows() <= capacity + capacity / 20);
}

TEST_CASE("a user who comes back soon after leaving stays from then on") {
  CacheRig cache({.bytes = kMegabyte});
  const std::vector<float> row(17, 1.0f);
  int scanned = 0;
  auto scan = [&](int rows) {
    for (int i = 0; i < rows; ++i) cache.Put(absl::StrCat("cold", scanned++), row);
  };
  auto put = [&] {
    for (int i = 0; i < 50; ++i) cache.Put(absl::StrCat("back", i), row);
  };
  auto kept = [&] {
    int found = 0;
    for (int i = 0; i < 50; ++i) found += cache.Has(absl::StrCat("back", i));
    return found;
  };
  scan(20000);
  const int capacity = static_cast<int>(cache.cache.rows());
  put();
  scan(capacity * 5 / 4);
  CHECK(kept() == 0);
  put();
  scan(10 * capacity);
  // Which keys share a set of ghosts differs from run to run.
  CHECK(kept() >= 25);
}

TEST_CASE("threads see whole rows of the right user") {
  FakeClock clock;
  LocalCache cache({.bytes = kMegabyte});
  auto work = [&](int seed) {
    uint64_t random = seed * 2654435761u + 1;
    FeatureValues values;
    absl::Time read_at;
    int wrong = 0;
    for (int i = 0; i < 20000; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const int user = static_cast<int>((random >> 33) % 12000);
      const std::string id = absl::StrCat("user", user);
      const uint32_t generation = cache.Generation(id);
      if (cache.Get(id, kSchema, clock.Now(), &values, &read_at) == Found::kRow) {
        wrong += values != FeatureValues(8, static_cast<float>(user));
      } else {
        cache.Put(id, kSchema, generation, FeatureValues(8, static_cast<float>(user)),
                  clock.WallNow(), clock.Now());
      }
      if (i % 1000 == 0) cache.Erase(id);
    }
    return wrong;
  };
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&, t] { wrong[t] = work(t); });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4));
  CHECK(cache.bytes() <= kMegabyte);
}

}  // namespace
}  // namespace predictd::features
