#ifndef PREDICTD_TESTS_UNIT_FEATURES_READER_FIXTURE_H_
#define PREDICTD_TESTS_UNIT_FEATURES_READER_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/features/reader.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"
#include "tests/unit/features/fakes.h"

namespace predictd::features {

using Names = std::vector<std::string>;
using Result = absl::StatusOr<FeatureRow>;

inline constexpr absl::Duration kAnyAge = absl::InfiniteDuration();

// A reader over stores that answer when the test says so.
struct Fixture {
  enum Stores { kBoth, kOnlyCache, kOnlySource };

  explicit Fixture(Stores stores = kBoth)
      : reader(loop,
               {.schema = schema,
                .cache_ttl = absl::Hours(1),
                .breaker = &breaker,
                .metrics = &metrics},
               local, flights, stores == kOnlySource ? nullptr : &cache,
               stores == kOnlyCache ? nullptr : &source) {}

  auto Start(std::string user, absl::Duration max_age = kAnyAge,
             absl::Time deadline = absl::InfiniteFuture()) {
    return features::Start(callers, Read(std::move(user), max_age, deadline));
  }
  // Keeps the user's id.
  Task<Result> Read(std::string user, absl::Duration max_age, absl::Time deadline) {
    auto reading = reader.Read(user, max_age, deadline);
    co_return co_await std::move(reading);
  }
  Result Read(std::string user, absl::Duration max_age = kAnyAge) {
    const auto call = Start(std::move(user), max_age);
    loop.RunUntilIdle();
    REQUIRE(call->has_value());
    return **call;
  }
  bool HasLocal(std::string user, absl::Duration max_age = kAnyAge) {
    FeatureRow row;
    return reader.ReadLocal(user, max_age, &row) == Found::kRow;
  }
  void PutInCache(std::string user, FeatureValues values, absl::Time read_at) {
    cache.rows[std::move(user)] = {schema, std::move(values), read_at, FeatureOrigin::kRedis};
  }

  FakeClock clock;
  ManualLoop loop{clock};
  std::shared_ptr<const Schema> schema = std::make_shared<Schema>(Names{"age", "income"});
  LocalCache local{{}};
  SingleFlight flights;
  Breaker breaker;
  Metrics metrics;
  FakeCache cache{loop};
  FakeSource source{loop, schema};
  Reader reader;
  Scope callers;
};

}  // namespace predictd::features

#endif  // PREDICTD_TESTS_UNIT_FEATURES_READER_FIXTURE_H_
