// What a look into the in-process cache costs: features_test "[.speed]". Prints, and checks nothing
// that a busy machine could break.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/unit/features/local_cache_rig.h"

namespace predictd::features {
namespace {

TEST_CASE("a million rows of 17 features: bytes, and time of a look", "[.speed]") {
  constexpr int kUsers = 1000000;
  CacheRig rig({.bytes = 160000000, .ttl = absl::Hours(1)});
  std::vector<std::string> ids;
  for (int i = 0; i < kUsers; ++i) ids.push_back(absl::StrCat("user-", i));
  const std::vector<float> row(17, 0.5f);
  for (const std::string& id : ids) rig.Put(id, row);

  using Clock = std::chrono::steady_clock;
  std::shuffle(ids.begin(), ids.end(), std::minstd_rand(1));
  std::vector<int64_t> nanos;
  int found = 0;
  const auto start = Clock::now();
  for (const std::string& id : ids) {
    const auto before = Clock::now();
    found += rig.Has(id);
    nanos.push_back((Clock::now() - before) / std::chrono::nanoseconds(1));
  }
  const double mean = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
  std::sort(nanos.begin(), nanos.end());
  auto at = [&](double part) { return nanos[static_cast<size_t>(part * (kUsers - 1))]; };
  std::printf("%zu rows in %.1f MB, %d found; ns per look: mean %.0f p50 %ld p99 %ld p99.9 %ld\n",
              rig.cache.rows(), rig.cache.bytes() / 1e6, found, mean / kUsers,
              static_cast<long>(at(0.5)), static_cast<long>(at(0.99)),
              static_cast<long>(at(0.999)));
}

}  // namespace
}  // namespace predictd::features
