// With a real Redis.
#include "server/features/redis_cache.h"

#include <memory>
#include <string>
#include <vector>

#include "server/async/watcher.h"
#include "server/features/hash_encoding.h"
#include "server/features/packed_encoding.h"
#include "server/features/reader.h"
#include "server/redis/cluster_client.h"
#include "tests/catch.h"
#include "tests/fakes/redis_cluster.h"
#include "tests/fakes/redis_server.h"
#include "tests/fakes/sleeping_loop.h"
#include "tests/unit/features/fakes.h"

namespace predictd::features {
namespace {

using Names = std::vector<std::string>;

// A reader with a source in memory and a Redis; no row is kept in the process.
class Rig {
 public:
  explicit Rig(std::unique_ptr<RowEncoding> its_encoding, RedisCache::Options options = {})
      : encoding(std::move(its_encoding)),
        client(loop, watcher, resolver, metrics, server.unix_address(), absl::Seconds(5)),
        cache(client, *encoding, metrics, std::move(options)) {
    REQUIRE(loop.RunUntil([this] { return client.up(); }));
    source.rows["ann"] = {41.5f, -0.1f};
  }

  absl::StatusOr<FeatureRow> Read(std::string user,
                                  absl::Duration max_age = absl::InfiniteDuration()) {
    const auto row = Start(scope, reader.Read(user, max_age, absl::InfiniteFuture()));
    loop.RunUntil([&] { return row->has_value() && scope.running() == 0; });
    bool done = false;
    scope.Spawn([](Reader& its_reader, bool& out) -> Task<void> {
      auto all = its_reader.Done();
      co_await all;
      out = true;
    }(reader, done));
    loop.RunUntil([&] { return done; });
    // An answered command proves that the writes before it were taken.
    const auto last = Start(scope, cache.Read("nobody", schema));
    loop.RunUntil([&] { return last->has_value(); });
    return **row;
  }

  void Change(std::string user) {
    bool done = false;
    scope.Spawn([](Reader& its_reader, std::string user_id, bool& out) -> Task<void> {
      Task<void> changed = its_reader.Changed(std::move(user_id));
      co_await std::move(changed);
      out = true;
    }(reader, std::move(user), done));
    loop.RunUntil([&] { return done; });
  }

  double Errors(absl::string_view kind) {
    for (const auto& family : metrics.Collect()) {
      if (family.name != "predictd_feature_errors_total") continue;
      for (const auto& metric : family.metric) {
        std::string store, name;
        for (const auto& label : metric.label) (label.name == "store" ? store : name) = label.value;
        if (store == "redis" && name == kind) return metric.counter.value;
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
  std::shared_ptr<const Schema> schema = std::make_shared<Schema>(Names{"age", "income"});
  FakeSource source{loop, schema};
  LocalCache local{{.bytes = 0}};
  SingleFlight flights;
  std::unique_ptr<RowEncoding> encoding;
  redis::Client client;
  RedisCache cache;
  Reader reader{loop,   {.schema = schema, .cache_ttl = absl::Hours(1)}, local, flights, &cache,
                &source};
  Scope scope;
};

TEST_CASE("packed: a row goes to Redis with its time to live and comes back from there") {
  Rig rig(std::make_unique<PackedEncoding>(), {.prefix = "p:", .ttl = absl::Minutes(1)});
  const auto first = rig.Read("ann");
  REQUIRE(first.ok());
  CHECK(first->origin == FeatureOrigin::kSource);
  const auto second = rig.Read("ann");
  REQUIRE(second.ok());
  CHECK(second->origin == FeatureOrigin::kRedis);
  CHECK(second->values == first->values);
  CHECK(absl::ToUnixMillis(second->read_at) == absl::ToUnixMillis(first->read_at));
  CHECK(rig.server.Do({"GET", "p:ann"}).text() == PackRow(*first));
  const int64_t left = rig.server.Do({"PTTL", "p:ann"}).integer();
  CHECK(left > 0);
  CHECK(left <= 60000);
  CHECK(rig.source.reads == 1);
}

TEST_CASE("hash: a row goes to Redis with its time to live and comes back from there") {
  Rig rig(std::make_unique<HashEncoding>());
  REQUIRE(rig.Read("ann").ok());
  CHECK(rig.server.Do({"HGET", "features:ann", "income"}).text() == "-0.1");
  CHECK(rig.server.Do({"PTTL", "features:ann"}).integer() > 0);
  const auto row = rig.Read("ann");
  REQUIRE(row.ok());
  CHECK(row->origin == FeatureOrigin::kRedis);
  CHECK(row->values == FeatureValues{41.5f, -0.1f});
  CHECK(row->read_at == absl::InfinitePast());
}

TEST_CASE("a key of another type is counted and never touched, whatever age is asked for") {
  std::unique_ptr<RowEncoding> encoding;
  if (GENERATE(true, false)) {
    encoding = std::make_unique<PackedEncoding>();
  } else {
    encoding = std::make_unique<HashEncoding>();
  }
  Rig rig(std::move(encoding));
  rig.server.Do({"RPUSH", "features:ann", "mine"});
  CHECK(rig.Read("ann")->origin == FeatureOrigin::kSource);
  CHECK(rig.Read("ann", absl::ZeroDuration())->origin == FeatureOrigin::kSource);
  CHECK(rig.server.Do({"LRANGE", "features:ann", "0", "-1"})[0].text() == "mine");
  CHECK(rig.server.Do({"PTTL", "features:ann"}).integer() == -1);
  CHECK(rig.Errors("wrong_type") == 2);
  CHECK(rig.Errors("write") == 0);
}

TEST_CASE("garbage is counted and overwritten") {
  Rig rig(std::make_unique<PackedEncoding>());
  rig.server.Do({"SET", "features:ann", "garbage"});
  CHECK(rig.Read("ann")->origin == FeatureOrigin::kSource);
  CHECK(rig.Errors("garbage") == 1);
  CHECK(rig.Read("ann")->origin == FeatureOrigin::kRedis);
}

TEST_CASE("the newest row replaces the one in Redis") {
  Rig rig(std::make_unique<PackedEncoding>());
  REQUIRE(rig.Read("ann").ok());
  rig.source.rows["ann"] = {42.5f, 0.0f};
  CHECK(rig.Read("ann", absl::ZeroDuration())->origin == FeatureOrigin::kSource);
  const auto row = rig.Read("ann");
  CHECK(row->origin == FeatureOrigin::kRedis);
  CHECK(row->values == FeatureValues{42.5f, 0.0f});
}

TEST_CASE("packed: a row that was written to is gone from Redis once that is answered") {
  Rig rig(std::make_unique<PackedEncoding>());
  REQUIRE(rig.Read("ann").ok());
  REQUIRE(rig.server.Do({"EXISTS", "features:ann"}).integer() == 1);
  rig.Change("ann");
  CHECK(rig.server.Do({"EXISTS", "features:ann"}).integer() == 0);
  rig.server.Do({"SET", "features:ann", "garbage"});
  rig.Change("ann");
  CHECK(rig.server.Do({"GET", "features:ann"}).text() == "garbage");
}

TEST_CASE("hash: of a row that was written to the features are gone, and nobody else's fields") {
  Rig rig(std::make_unique<HashEncoding>());
  REQUIRE(rig.Read("ann").ok());
  rig.server.Do({"HSET", "features:ann", "theirs", "1"});
  rig.Change("ann");
  CHECK(rig.server.Do({"HLEN", "features:ann"}).integer() == 1);
  CHECK(rig.server.Do({"HGET", "features:ann", "theirs"}).text() == "1");
}

TEST_CASE("a time to live of zero writes nothing") {
  Rig rig(std::make_unique<PackedEncoding>(), {.ttl = absl::ZeroDuration()});
  REQUIRE(rig.Read("ann").ok());
  CHECK(rig.server.Do({"EXISTS", "features:ann"}).integer() == 0);
}

TEST_CASE("a Redis that is gone is no error while the source answers") {
  Rig rig(std::make_unique<PackedEncoding>());
  REQUIRE(rig.Read("ann").ok());
  rig.server.Kill();
  CHECK(rig.Read("ann")->origin == FeatureOrigin::kSource);
  rig.source.error = absl::UnavailableError("source is gone");
  const auto row = rig.Read("ann");
  CHECK(absl::IsUnavailable(row.status()));
  CHECK(row.status().message().find("redis has not answered since") != absl::string_view::npos);
}

TEST_CASE("a row is found in a cluster, also after its slot has moved") {
  RedisCluster servers;
  SystemClock clock;
  SleepingLoop loop(clock);
  Metrics metrics;
  redis::Resolver resolver;
  Watcher watcher;
  redis::ServerStates states;
  const auto schema = std::make_shared<Schema>(Names{"age", "income"});
  const HashEncoding encoding;
  redis::ClusterClient client(loop, watcher, resolver, metrics, *redis::ParseAddress(servers.url()),
                              absl::Seconds(10), states);
  RedisCache cache(client, encoding, metrics, {});
  Scope scope;
  REQUIRE(loop.RunUntil([&] { return client.up(); }));
  const auto read = [&] {
    const auto answer = Start(scope, cache.Read("ann", schema));
    loop.RunUntil([&] { return answer->has_value(); });
    return **answer;
  };
  CHECK_FALSE(read().row.has_value());
  cache.Fill("ann", {.schema = schema, .values = {41.5f, 1}, .read_at = clock.WallNow()});
  CHECK(read().row->values == FeatureValues{41.5f, 1});

  RedisServer& from = servers.MasterOf("features:ann");
  RedisServer& to = servers.OtherMaster("features:ann");
  servers.MoveSlot("features:ann", from, to);
  CHECK(read().row->values == FeatureValues{41.5f, 1});
  CHECK(from.Do({"GET", "features:ann"}).error_code() == "MOVED");

  // The drop goes to where the slot was before.
  servers.MoveSlot("features:ann", to, from);
  FakeSource source{loop, schema};
  LocalCache local{{.bytes = 0}};
  SingleFlight flights;
  Reader reader{loop,   {.schema = schema, .cache_ttl = absl::Hours(1)}, local, flights, &cache,
                &source};
  scope.Spawn(reader.Changed("ann"));
  loop.RunUntil([&] { return scope.running() == 0; });
  CHECK(from.Do({"EXISTS", "features:ann"}).integer() == 0);
}

}  // namespace
}  // namespace predictd::features
