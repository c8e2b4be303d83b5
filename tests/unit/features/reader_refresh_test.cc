// Rows that are read anew while they serve, unknown users, and rows that were written to.
#include <algorithm>

#include "tests/unit/features/reader_fixture.h"

namespace predictd::features {
namespace {

TEST_CASE("a row in the second half of its life in the process serves while one read renews it") {
  Fixture fixture(Fixture::kOnlySource);
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  fixture.clock.Advance(absl::Milliseconds(2400));
  CHECK(fixture.Read("ann")->values == FeatureValues{1.0f, 2.0f});
  CHECK(fixture.source.reads == 1);

  fixture.clock.Advance(absl::Milliseconds(200));
  fixture.source.gate.Close();
  for (int i = 0; i < 3; ++i) {
    const Result stale = fixture.Read("ann");
    CHECK(stale->origin == FeatureOrigin::kLocalCache);
    CHECK(stale->values == FeatureValues{1.0f, 2.0f});
  }
  CHECK(fixture.source.reads == 2);
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  const Result renewed = fixture.Read("ann");
  CHECK(renewed->origin == FeatureOrigin::kLocalCache);
  CHECK(renewed->values == FeatureValues{3.0f, 4.0f});
  CHECK(renewed->read_at == fixture.clock.WallNow());
}

TEST_CASE("a row in the second half of its life is renewed when it is looked up with others too") {
  Fixture fixture(Fixture::kOnlySource);
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.clock.Advance(absl::Seconds(3));
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  LocalRows rows;
  fixture.reader.ReadLocal({"ann", "ann"}, kAnyAge, &rows);
  CHECK(rows.looks[1].found == Found::kRow);
  CHECK(rows.values == std::vector<float>{1.0f, 2.0f, 1.0f, 2.0f});
  fixture.loop.RunUntilIdle();
  CHECK(fixture.source.reads == 2);
  CHECK(fixture.Read("ann")->values == FeatureValues{3.0f, 4.0f});
}

TEST_CASE("a row is of the schema it was found by, though its renewal finds another one current") {
  Fixture fixture(Fixture::kOnlySource);
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.clock.Advance(absl::Seconds(3));
  std::vector<std::shared_ptr<const Schema>> current = {
      fixture.schema, std::make_shared<Schema>(Names{"age", "income", "hours"})};
  size_t asked = 0;
  Reader reader(fixture.loop, {.current_schema = [&]() -> const std::shared_ptr<const Schema>& {
                  return current[std::min<size_t>(asked++, 1)];
                }},
                fixture.local, fixture.flights, nullptr, &fixture.source);
  FeatureRow row;
  CHECK(reader.ReadLocal("ann", kAnyAge, &row) == Found::kRow);
  CHECK(asked == 2);
  CHECK(row.schema->names() == fixture.schema->names());
  CHECK(row.values == FeatureValues{1.0f, 2.0f});
  fixture.loop.RunUntilIdle();
}

TEST_CASE("a renewal that fails leaves the row to serve until its end") {
  Fixture fixture(Fixture::kOnlySource);
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.source.error = absl::UnavailableError("gone");
  fixture.clock.Advance(absl::Seconds(3));
  CHECK(fixture.Read("ann").ok());
  CHECK(fixture.Read("ann").ok());
  fixture.clock.Advance(absl::Seconds(3));
  CHECK(absl::IsUnavailable(fixture.Read("ann").status()));
}

TEST_CASE("a row in the second half of its life in Redis is renewed from the source") {
  Fixture fixture;
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(31));
  CHECK(fixture.Read("ann")->values == FeatureValues{1.0f, 2.0f});
  CHECK(fixture.source.reads == 1);
  CHECK(fixture.cache.rows["ann"].values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.Read("ann")->values == FeatureValues{3.0f, 4.0f});

  fixture.PutInCache("bob", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(29));
  CHECK(fixture.Read("bob").ok());
  fixture.PutInCache("cid", {1.0f, 2.0f}, absl::InfinitePast());
  CHECK(fixture.Read("cid").ok());
  CHECK(fixture.source.reads == 1);
}

TEST_CASE("an unknown user is remembered for a moment, unless the caller asks for news") {
  const auto stores = GENERATE(Fixture::kBoth, Fixture::kOnlySource);
  Fixture fixture(stores);
  CHECK(absl::IsNotFound(fixture.Read("ann").status()));
  CHECK(absl::IsNotFound(fixture.Read("ann").status()));
  CHECK(fixture.source.reads == 1);
  FeatureRow row;
  CHECK(fixture.reader.ReadLocal("ann", kAnyAge, &row) == Found::kUnknown);

  fixture.source.rows["ann"] = {1.0f, 2.0f};
  CHECK(fixture.Read("ann", absl::Minutes(1)).ok());
  CHECK(fixture.Read("ann").ok());

  CHECK(absl::IsNotFound(fixture.Read("bob").status()));
  fixture.source.rows["bob"] = {1.0f, 2.0f};
  fixture.clock.Advance(absl::Milliseconds(1100));
  CHECK(fixture.Read("bob").ok());
}

TEST_CASE("a row that only Feast knows is neither renewed from the source nor lost to it") {
  Fixture fixture;
  fixture.cache.is_feasts = true;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(50));
  CHECK(fixture.Read("ann").ok());
  CHECK(fixture.source.reads == 0);
  CHECK(absl::IsNotFound(fixture.Read("ann", absl::ZeroDuration()).status()));
  CHECK(fixture.Read("ann").ok());
  CHECK(fixture.cache.drops.empty());
}

TEST_CASE("a row of Redis that was read after now is of unknown age") {
  Fixture fixture;
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() + absl::Hours(9));
  CHECK(fixture.Read("ann")->read_at == absl::InfinitePast());
  CHECK(fixture.Read("ann", absl::Hours(1))->values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.Read("ann")->values == FeatureValues{3.0f, 4.0f});

  const absl::Time ahead = fixture.clock.WallNow() + absl::Milliseconds(900);
  fixture.PutInCache("bob", {1.0f, 2.0f}, ahead);
  CHECK(fixture.Read("bob", absl::Minutes(1))->read_at == ahead);
}

}  // namespace
}  // namespace predictd::features
