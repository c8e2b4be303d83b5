// Rows of a Feast store in a real Redis, without a source.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "server/async/watcher.h"
#include "server/features/feast_encoding.h"
#include "server/features/reader.h"
#include "server/features/redis_cache.h"
#include "server/redis/client.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/fakes/sleeping_loop.h"
#include "tests/unit/features/fakes.h"
#include "tests/unit/features/hex.h"

namespace predictd::features {
namespace {

using Names = std::vector<std::string>;

// Project proj, join key user_id, int64 1001.
constexpr char kKey[] =
    "01000000 02000000 07000000 757365725f6964 04000000 08000000 e903000000000000 70726f6a";
// user_stats:age, user_stats:income.
constexpr char kAge[] = "e92ba6d5";
constexpr char kIncome[] = "98751872";

class Rig {
 public:
  using SchemaReference = const std::shared_ptr<const Schema>&;

  Rig() {
    REQUIRE(loop.RunUntil([this] { return client.up(); }));
    // age: float 41.5; income: int64 1001; made at 2026-01-01T00:00:00.123Z.
    server.Do({"HSET", Bytes(kKey), Bytes(kAge), Bytes("3500002642"), Bytes(kIncome),
               Bytes("20e907"), "_ts:user_stats", Bytes("0880f2d6ca0610c0a9d33a")});
  }

  absl::StatusOr<FeatureRow> Read(std::string user,
                                  absl::Duration max_age = absl::InfiniteDuration()) {
    const auto row = Start(scope, reader.Read(user, max_age, absl::InfiniteFuture()));
    loop.RunUntil([&] { return row->has_value() && scope.running() == 0; });
    return **row;
  }

  double Garbage() {
    for (const auto& family : metrics.Collect()) {
      if (family.name != "predictd_feature_errors_total") continue;
      for (const auto& metric : family.metric) {
        std::string store, kind;
        for (const auto& label : metric.label) (label.name == "store" ? store : kind) = label.value;
        if (store == "redis" && kind == "garbage") return metric.counter.value;
      }
    }
    return -1;
  }

  SystemClock clock;
  RedisServer server;
  SleepingLoop loop{clock};
  Metrics metrics;
  redis::Resolver resolver;
  Watcher watcher;
  // What the models ask for at the moment.
  std::shared_ptr<const Schema> schema = std::make_shared<Schema>(Names{"age", "income"});
  LocalCache local{{.bytes = 0}};
  SingleFlight flights;
  FeastEncoding encoding{{.project = "proj",
                          .entity_key = "user_id",
                          .entity_type = FeastEntityType::kInt64,
                          .view = "user_stats"}};
  redis::Client client{loop, watcher, resolver, metrics, server.unix_address(), absl::Seconds(20)};
  RedisCache cache{client, encoding, metrics, {}};
  Reader reader{loop,   {.current_schema = [this]() -> SchemaReference { return schema; }},
                local,  flights,
                &cache, nullptr};
  Scope scope;
};

TEST_CASE("feast: what Feast has written is the row, as old as its view says") {
  Rig rig;
  const auto row = rig.Read("1001");
  REQUIRE(row.ok());
  CHECK(row->origin == FeatureOrigin::kRedis);
  CHECK(row->values == FeatureValues{41.5f, 1001.0f});
  CHECK(row->read_at == absl::FromUnixMillis(1767225600123));
  const absl::Duration age = rig.clock.WallNow() - row->read_at;
  CHECK(rig.Read("1001", age + absl::Hours(1)).ok());
  CHECK(absl::IsFailedPrecondition(rig.Read("1001", age - absl::Hours(1)).status()));
}

TEST_CASE("feast: an id that the store does not have, or cannot have, is unknown") {
  Rig rig;
  CHECK(absl::IsNotFound(rig.Read("1002").status()));
  const int64_t before = rig.server.Info("total_commands_processed");
  CHECK(absl::IsNotFound(rig.Read("01001").status()));
  CHECK(absl::IsNotFound(rig.Read("ann").status()));
  // INFO itself, and no other.
  CHECK(rig.server.Info("total_commands_processed") - before == 1);
}

TEST_CASE("feast: other models ask for other features") {
  Rig rig;
  REQUIRE(rig.Read("1001").ok());
  rig.schema = std::make_shared<Schema>(Names{"income"});
  CHECK(rig.Read("1001")->values == FeatureValues{1001.0f});
  rig.schema = std::make_shared<Schema>(Names{"income", "age"});
  CHECK(rig.Read("1001")->values == FeatureValues{1001.0f, 41.5f});
}

TEST_CASE("feast: a row with features that are no numbers is a miss, and counted once") {
  Rig rig;
  rig.server.Do({"HSET", Bytes(kKey), Bytes(kAge), Bytes("120178"), Bytes(kIncome), "junk"});
  CHECK(absl::IsNotFound(rig.Read("1001").status()));
  CHECK(rig.Garbage() == 1);
}

TEST_CASE("feast: a key of another type is a miss and left alone") {
  Rig rig;
  rig.server.Do({"DEL", Bytes(kKey)});
  rig.server.Do({"SET", Bytes(kKey), "mine"});
  CHECK(absl::IsNotFound(rig.Read("1001").status()));
  CHECK(rig.server.Do({"GET", Bytes(kKey)}).text() == "mine");
}

}  // namespace
}  // namespace predictd::features
