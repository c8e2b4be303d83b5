// An in-process cache and its clock.
#ifndef PREDICTD_TESTS_UNIT_FEATURES_LOCAL_CACHE_RIG_H_
#define PREDICTD_TESTS_UNIT_FEATURES_LOCAL_CACHE_RIG_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/features/local_cache.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::features {

inline constexpr uint64_t kSchema = 0x1234;
inline constexpr size_t kMegabyte = size_t{1} << 20;

class CacheRig {
 public:
  explicit CacheRig(LocalCache::Options options = {}) : cache(options) {}

  void Put(absl::string_view user, std::vector<float> values, uint64_t schema = kSchema) {
    cache.Put(user, schema, cache.Generation(user), values, clock.WallNow(), clock.Now());
  }
  void PutUnknown(absl::string_view user) {
    cache.PutUnknown(user, kSchema, cache.Generation(user), clock.Now());
  }
  Found Get(absl::string_view user, uint64_t schema = kSchema) {
    return cache.Get(user, schema, clock.Now(), &values, &read_at, &refresh);
  }
  bool Has(absl::string_view user, uint64_t schema = kSchema) {
    return Get(user, schema) == Found::kRow;
  }

  FakeClock clock;
  LocalCache cache;
  FeatureValues values;
  absl::Time read_at;
  bool refresh = false;
};

}  // namespace predictd::features

#endif  // PREDICTD_TESTS_UNIT_FEATURES_LOCAL_CACHE_RIG_H_
