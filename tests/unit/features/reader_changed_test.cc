// Rows that were written to in the source, or are gone from it.
#include "absl/strings/str_cat.h"
#include "tests/unit/features/reader_fixture.h"

namespace predictd::features {
namespace {

void Change(Fixture& fixture, const std::string& user, FeatureValues values) {
  fixture.source.rows[user] = std::move(values);
  fixture.callers.Spawn(fixture.reader.Changed(user));
}

TEST_CASE("a row that was written to is out of the process at once, and then out of Redis") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.cache.gate.Close();
  Change(fixture, "ann", {3.0f, 4.0f});
  CHECK_FALSE(fixture.HasLocal("ann"));
  // Whatever happens meanwhile to users who share the generation.
  fixture.local.Flush();
  fixture.cache.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK(fixture.cache.rows.count("ann") == 0);
  CHECK(fixture.callers.running() == 0);
  CHECK(fixture.Read("ann")->values == FeatureValues{3.0f, 4.0f});

  // Nobody has asked for this one: loading a table fills no cache.
  const int reads = fixture.source.reads;
  Change(fixture, "bob", {5.0f, 6.0f});
  fixture.loop.RunUntilIdle();
  CHECK(fixture.source.reads == reads);
  CHECK(fixture.cache.rows.count("bob") == 0);
}

TEST_CASE("whoever waits for a change waits until Redis has dropped the row") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow());
  fixture.cache.gate.Close();
  Change(fixture, "ann", {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  fixture.cache.gate.OpenOnce();
  fixture.loop.RunUntilIdle();
  CHECK(fixture.cache.drops == Names{"ann"});
  CHECK(fixture.callers.running() == 1);
  fixture.cache.gate.OpenOnce();
  fixture.loop.RunUntilIdle();
  CHECK(fixture.callers.running() == 0);
}

TEST_CASE("a row that was found in Redis before its drop is not kept") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow());
  fixture.cache.gate.Close();
  Change(fixture, "ann", {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  // It finds the old row, as its change is not answered yet, before the drop.
  fixture.cache.gate.Open();
  CHECK(fixture.Read("ann").ok());
  CHECK(fixture.Read("ann")->values == FeatureValues{3.0f, 4.0f});
}

TEST_CASE("a row that Redis does not let go is no error") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow());
  fixture.cache.refuses_drops = true;
  Change(fixture, "ann", {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  CHECK(fixture.callers.running() == 0);
  CHECK(fixture.cache.drops == Names{"ann"});
}

TEST_CASE("what is not this server's to write in Redis is not dropped") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow());
  SECTION("Feast's rows") { fixture.cache.is_feasts = true; }
  SECTION("a key of another type") { fixture.cache.wrong_type = true; }
  Change(fixture, "ann", {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  CHECK(fixture.cache.drops.empty());
}

TEST_CASE("nothing is dropped by names that stand in for columns that are not known") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow());
  FakeSource source(fixture.loop, nullptr);
  Reader reader(fixture.loop, {.schema = fixture.schema, .cache_ttl = absl::Hours(1)},
                fixture.local, fixture.flights, &fixture.cache, &source);
  fixture.callers.Spawn(reader.Changed("ann"));
  fixture.loop.RunUntilIdle();
  CHECK(fixture.cache.drops.empty());
}

TEST_CASE("rows that are written to while Redis is away go from it when it is back") {
  Fixture fixture;
  constexpr int kUsers = 100;
  for (int i = 0; i < kUsers; ++i) {
    fixture.PutInCache(absl::StrCat(i), {1.0f, 2.0f}, fixture.clock.WallNow());
  }
  fixture.cache.error = absl::UnavailableError("away");
  for (int i = 0; i < kUsers; ++i) Change(fixture, absl::StrCat(i), {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  CHECK(fixture.callers.running() == 0);
  const int before = fixture.cache.reads;
  fixture.clock.Advance(absl::Seconds(1));
  fixture.loop.RunUntilIdle();
  // One look, not one for each.
  CHECK(fixture.cache.reads == before + 1);

  fixture.cache.error = absl::OkStatus();
  fixture.clock.Advance(absl::Seconds(1));
  fixture.loop.RunUntilIdle();
  CHECK(fixture.cache.rows.empty());
  CHECK(fixture.Read("7")->values == FeatureValues{3.0f, 4.0f});
}

TEST_CASE("a reader that is to end tries nothing again") {
  Fixture fixture;
  fixture.cache.error = absl::UnavailableError("away");
  Change(fixture, "ann", {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  CHECK(fixture.loop.NextTimer() < absl::InfiniteFuture());
  bool done = false;
  fixture.callers.Spawn([](Reader& reader, bool& ended) -> Task<void> {
    auto all = reader.Done();
    co_await all;
    ended = true;
  }(fixture.reader, done));
  CHECK(done);
  CHECK(fixture.loop.NextTimer() == absl::InfiniteFuture());
}

TEST_CASE("a row that is written to while it is read does not go into Redis as it was before") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.source.gate.Close();
  const auto before = fixture.Start("ann");
  fixture.loop.RunUntilIdle();
  Change(fixture, "ann", {3.0f, 4.0f});
  fixture.loop.RunUntilIdle();
  // Whoever comes after the change does not join the read that began before it.
  const auto after = fixture.Start("ann");
  fixture.loop.RunUntilIdle();
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK((**before)->values == FeatureValues{1.0f, 2.0f});
  CHECK((**after)->values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.cache.rows["ann"].values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.Read("ann")->values == FeatureValues{3.0f, 4.0f});
}

TEST_CASE("a user who is gone from the source is gone from Redis too") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(31));
  CHECK(fixture.Read("ann").ok());
  CHECK(fixture.cache.rows.empty());
  CHECK(absl::IsNotFound(fixture.Read("ann").status()));
  fixture.clock.Advance(absl::Seconds(2));
  CHECK(absl::IsNotFound(fixture.Read("ann").status()));
}

TEST_CASE("a row of unknown age stays in Redis, though the source does not know the user") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, absl::InfinitePast());
  CHECK(absl::IsNotFound(fixture.Read("ann", absl::ZeroDuration()).status()));
  CHECK(fixture.Read("ann").ok());
}

}  // namespace
}  // namespace predictd::features
