#include "tests/unit/features/reader_fixture.h"

namespace predictd::features {
namespace {

TEST_CASE("a user nobody has read comes from the source, and is then in both caches") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  CHECK_FALSE(fixture.HasLocal("ann"));
  const Result row = fixture.Read("ann");
  REQUIRE(row.ok());
  CHECK(row->origin == FeatureOrigin::kSource);
  CHECK(row->values == FeatureValues{1.0f, 2.0f});
  CHECK(row->read_at == fixture.clock.WallNow());
  CHECK(fixture.cache.fills == Names{"ann"});

  FeatureRow local;
  REQUIRE(fixture.reader.ReadLocal("ann", kAnyAge, &local) == Found::kRow);
  CHECK(local.origin == FeatureOrigin::kLocalCache);
  CHECK(local.values == row->values);
  CHECK(local.read_at == row->read_at);
  CHECK(local.schema->fingerprint() == fixture.schema->fingerprint());

  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kLocalCache);
  CHECK(fixture.source.reads == 1);
  CHECK(fixture.cache.reads == 1);
}

TEST_CASE("a row that was written back stays when Redis tells of that, a changed one goes") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.local.InvalidateUnlessEcho("ann", fixture.clock.Now());
  CHECK(fixture.HasLocal("ann"));
  fixture.local.InvalidateUnlessEcho("ann", fixture.clock.Now());
  CHECK_FALSE(fixture.HasLocal("ann"));
}

TEST_CASE("a row that changes while it is read is answered but not kept") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow());
  fixture.cache.gate.Close();
  const auto call = fixture.Start("ann");
  fixture.loop.RunUntilIdle();
  fixture.local.InvalidateUnlessEcho("ann", fixture.clock.Now());
  fixture.cache.gate.Open();
  fixture.loop.RunUntilIdle();
  REQUIRE(call->has_value());
  CHECK((*call)->ok());
  CHECK_FALSE(fixture.HasLocal("ann"));
}

TEST_CASE("a user who is known to be unknown is not looked for, unless the newest is asked for") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.local.PutUnknown("ann", fixture.schema->fingerprint(), fixture.local.Generation("ann"),
                           fixture.clock.Now());
  CHECK(absl::IsNotFound(fixture.Read("ann").status()));
  CHECK(fixture.source.reads == 0);
  CHECK(fixture.Read("ann", absl::ZeroDuration()).ok());
}

TEST_CASE("a row in Redis spares the source and is kept in the process") {
  Fixture fixture;
  const absl::Time read_at = fixture.clock.WallNow() - absl::Minutes(10);
  fixture.PutInCache("ann", {1.0f, 2.0f}, read_at);
  const Result row = fixture.Read("ann");
  REQUIRE(row.ok());
  CHECK(row->origin == FeatureOrigin::kRedis);
  CHECK(row->read_at == read_at);
  CHECK(fixture.source.reads == 0);
  CHECK(fixture.cache.fills.empty());
  CHECK(fixture.HasLocal("ann"));
}

TEST_CASE("a row in the process is served while Redis and the source are down") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.source.error = absl::UnavailableError("gone");
  fixture.cache.error = absl::UnavailableError("gone");
  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kLocalCache);
}

TEST_CASE("a user whom no store knows is not found") {
  const auto stores = GENERATE(Fixture::kBoth, Fixture::kOnlyCache, Fixture::kOnlySource);
  Fixture fixture(stores);
  const Result row = fixture.Read("ann");
  CHECK(absl::IsNotFound(row.status()));
  CHECK(row.status().message() == "user 'ann' is unknown");
}

TEST_CASE("Redis down is no error while the source answers, and is not written") {
  Fixture fixture;
  fixture.cache.error = absl::UnavailableError("connection refused");
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kSource);
  CHECK(fixture.cache.fills.empty());
  CHECK(absl::IsNotFound(fixture.Read("bob").status()));
}

TEST_CASE("a key of another type is not written") {
  Fixture fixture;
  fixture.cache.wrong_type = true;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  const auto max_age = GENERATE(kAnyAge, absl::ZeroDuration());
  CHECK(fixture.Read("ann", max_age)->origin == FeatureOrigin::kSource);
  CHECK(fixture.cache.fills.empty());
}

TEST_CASE("Redis and source down: both are named, since when") {
  Fixture fixture;
  fixture.cache.error = absl::UnavailableError("connection refused");
  fixture.source.error = absl::UnavailableError("source has not answered since noon");
  CHECK(absl::IsUnavailable(fixture.Read("ann").status()));
  fixture.clock.Advance(absl::Minutes(1));
  const Result row = fixture.Read("ann");
  CHECK(absl::IsUnavailable(row.status()));
  CHECK(row.status().message() ==
        "source has not answered since noon; "
        "redis has not answered since 2023-11-14T22:13:20Z: connection refused");

  // An answer in between, even one of nothing, begins anew.
  fixture.cache.error = absl::OkStatus();
  CHECK(fixture.Read("ann").status().message() == "source has not answered since noon");
  fixture.cache.error = absl::UnavailableError("connection refused");
  CHECK(fixture.Read("ann").status().message() ==
        "source has not answered since noon; "
        "redis has not answered since 2023-11-14T22:14:20Z: connection refused");
}

TEST_CASE("a source that takes too long is unavailable, not the caller's deadline") {
  Fixture fixture;
  fixture.source.error = absl::DeadlineExceededError("no answer in time");
  const Result row = fixture.Read("ann");
  CHECK(absl::IsUnavailable(row.status()));
  CHECK(row.status().message() == "no answer in time");
}

TEST_CASE("Redis down and no source to ask: unavailable") {
  Fixture fixture(Fixture::kOnlyCache);
  fixture.cache.error = absl::UnavailableError("connection refused");
  const Result row = fixture.Read("ann");
  CHECK(absl::IsUnavailable(row.status()));
  CHECK(row.status().message() ==
        "redis has not answered since 2023-11-14T22:13:20Z: connection refused");
}

TEST_CASE("without Redis the source is read once per time to live") {
  Fixture fixture(Fixture::kOnlySource);
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kSource);
  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kLocalCache);
  fixture.clock.Advance(absl::Seconds(6));
  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kSource);
  CHECK(fixture.source.reads == 2);
}

TEST_CASE("writing to Redis never delays the answer") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.cache.gate.Close();
  CHECK(fixture.Read("ann", absl::ZeroDuration()).ok());
  CHECK(fixture.cache.fills.empty());
  fixture.cache.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK(fixture.cache.fills == Names{"ann"});
}

TEST_CASE("a user who is gone from the source is gone from the process") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.source.rows.clear();
  CHECK(absl::IsNotFound(fixture.Read("ann", absl::ZeroDuration()).status()));
  CHECK_FALSE(fixture.HasLocal("ann"));
}

TEST_CASE("the deadline is the caller's: the read goes on for those who wait") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.source.gate.Close();
  const auto hasty = fixture.Start("ann", kAnyAge, fixture.clock.Now() + absl::Milliseconds(5));
  const auto patient = fixture.Start("ann");
  fixture.loop.RunUntilIdle();
  CHECK(fixture.source.last_deadline == fixture.clock.Now() + absl::Seconds(1));
  fixture.clock.Advance(absl::Milliseconds(5));
  fixture.loop.RunUntilIdle();
  REQUIRE(hasty->has_value());
  CHECK(absl::IsDeadlineExceeded((*hasty)->status()));
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK((**patient).ok());
  CHECK(fixture.source.reads == 1);
  CHECK(fixture.HasLocal("ann"));
}

TEST_CASE("a deadline that has passed starts no read") {
  Fixture fixture;
  const auto call = fixture.Start("ann", kAnyAge, fixture.clock.Now());
  fixture.loop.RunUntilIdle();
  CHECK(absl::IsDeadlineExceeded((*call)->status()));
  CHECK(fixture.source.reads == 0);
}

TEST_CASE("a schema that changes makes cached rows misses") {
  Fixture fixture;
  auto current = std::make_shared<const Schema>(Names{"age"});
  Reader reader(fixture.loop, {.current_schema = [&]() -> const std::shared_ptr<const Schema>& {
                  return current;
                }},
                fixture.local, fixture.flights, &fixture.cache, nullptr);
  auto read = [&](const std::string& user) {
    const auto call = Start(fixture.callers, reader.Read(user, kAnyAge, absl::InfiniteFuture()));
    fixture.loop.RunUntilIdle();
    return **call;
  };
  FeatureRow row;
  fixture.cache.rows["ann"] = {current, {1.0f}, absl::InfinitePast(), FeatureOrigin::kRedis};
  REQUIRE(read("ann").ok());
  CHECK(reader.ReadLocal("ann", kAnyAge, &row) == Found::kRow);

  current = std::make_shared<const Schema>(Names{"age", "income"});
  CHECK(reader.ReadLocal("ann", kAnyAge, &row) == Found::kMiss);
  fixture.cache.rows["ann"] = {current, {1.0f, 2.0f}, absl::InfinitePast(), FeatureOrigin::kRedis};
  const Result wider = read("ann");
  REQUIRE(wider.ok());
  CHECK(wider->schema->size() == 2);
  CHECK(fixture.cache.reads == 2);

  current = std::make_shared<const Schema>(Names{});
  CHECK(absl::IsFailedPrecondition(read("ann").status()));
}

TEST_CASE("the reader is done when its reads have ended, not when their callers have") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.source.gate.Close();
  fixture.Start("ann", kAnyAge, fixture.clock.Now() + absl::Milliseconds(1));
  fixture.clock.Advance(absl::Milliseconds(1));
  fixture.loop.RunUntilIdle();
  CHECK(fixture.callers.running() == 0);
  bool done = false;
  fixture.callers.Spawn([](Reader& reader, bool& ended) -> Task<void> {
    auto all = reader.Done();
    co_await all;
    ended = true;
  }(fixture.reader, done));
  CHECK_FALSE(done);
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK(done);
}

}  // namespace
}  // namespace predictd::features
