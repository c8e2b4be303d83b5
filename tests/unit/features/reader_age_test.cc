// How old a row may be: what the reader takes from where, and what it answers.
#include "tests/unit/features/reader_fixture.h"

namespace predictd::features {
namespace {

TEST_CASE("a row in Redis older than the caller allows is read from the source and replaced") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(10));
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  const Result row = fixture.Read("ann", absl::Minutes(5));
  REQUIRE(row.ok());
  CHECK(row->origin == FeatureOrigin::kSource);
  CHECK(row->values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.cache.fills == Names{"ann"});
  CHECK(fixture.cache.rows["ann"].values == row->values);
  CHECK(fixture.HasLocal("ann", absl::Minutes(5)));
}

TEST_CASE("a row in Redis young enough for the caller is taken") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(5));
  CHECK(fixture.Read("ann", absl::Minutes(5))->origin == FeatureOrigin::kRedis);
  CHECK(fixture.HasLocal("ann", absl::Minutes(5)));
  CHECK_FALSE(fixture.HasLocal("ann", absl::Minutes(4)));
}

TEST_CASE("a row of unknown age is too old for any finite age and good for any other") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, absl::InfinitePast());
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  CHECK(fixture.Read("ann")->origin == FeatureOrigin::kRedis);
  CHECK_FALSE(fixture.HasLocal("ann", absl::Hours(1000000)));
  CHECK(fixture.Read("ann", absl::Hours(1000000))->origin == FeatureOrigin::kSource);
}

TEST_CASE("rows looked up together are found in the process as they are one by one") {
  Fixture fixture;
  fixture.PutInCache("old", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(1));
  fixture.PutInCache("new", {3.0f, 4.0f}, fixture.clock.WallNow());
  fixture.PutInCache("of unknown age", {5.0f, 6.0f}, absl::InfinitePast());
  const std::vector<absl::string_view> users = {"old", "new", "of unknown age", "nobody", "other"};
  for (size_t i = 0; i < 4; ++i) (void)fixture.Read(std::string(users[i]));
  for (const absl::Duration max_age :
       {kAnyAge, absl::Seconds(30), absl::ZeroDuration(), absl::Hours(1)}) {
    LocalRows rows;
    fixture.reader.ReadLocal(users, max_age, &rows);
    REQUIRE(rows.looks.size() == users.size());
    for (size_t i = 0; i < users.size(); ++i) {
      CAPTURE(max_age, users[i]);
      FeatureRow alone;
      const Found found = fixture.reader.ReadLocal(users[i], max_age, &alone);
      CHECK(rows.looks[i].found == found);
      if (found != Found::kRow) continue;
      CHECK(rows.schema == alone.schema);
      CHECK(FeatureValues(rows.looks[i].values, rows.looks[i].values + 2) == alone.values);
      CHECK(LocalCache::ReadAt(rows.looks[i].read_at) == alone.read_at);
    }
  }
}

TEST_CASE("an age of zero reads the source, whatever the caches hold, and fills them") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  REQUIRE(fixture.Read("ann").ok());
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  fixture.clock.Advance(absl::Milliseconds(1));
  CHECK_FALSE(fixture.HasLocal("ann", absl::ZeroDuration()));
  const Result row = fixture.Read("ann", absl::ZeroDuration());
  REQUIRE(row.ok());
  CHECK(row->origin == FeatureOrigin::kSource);
  CHECK(row->values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.source.reads == 2);
  CHECK(fixture.cache.rows["ann"].values == row->values);
  CHECK(fixture.Read("ann")->values == row->values);
}

TEST_CASE("a caller who asks for the newest row does not take a read that began before") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.source.gate.Close();
  const auto early = fixture.Start("ann", absl::ZeroDuration());
  fixture.loop.RunUntilIdle();
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  const auto late = fixture.Start("ann", absl::ZeroDuration());
  const auto later = fixture.Start("ann", absl::ZeroDuration());
  fixture.loop.RunUntilIdle();
  fixture.source.gate.OpenOnce();
  fixture.loop.RunUntilIdle();
  CHECK(fixture.source.gate.waiting() == 1);
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK((**early)->values == FeatureValues{1.0f, 2.0f});
  CHECK((**late)->values == FeatureValues{3.0f, 4.0f});
  CHECK((**later)->values == FeatureValues{3.0f, 4.0f});
  CHECK(fixture.source.reads == 2);
}

TEST_CASE("a user who was added after a read began is found by who asks for the newest row") {
  Fixture fixture;
  fixture.source.gate.Close();
  const auto early = fixture.Start("ann", absl::ZeroDuration());
  fixture.loop.RunUntilIdle();
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  const auto late = fixture.Start("ann", absl::ZeroDuration());
  fixture.loop.RunUntilIdle();
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK(absl::IsNotFound((*early)->status()));
  CHECK((**late).ok());
}

TEST_CASE(
    "a caller who joined a read of a row too old for it reads the source, once for all such") {
  Fixture fixture;
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(10));
  fixture.source.rows["ann"] = {3.0f, 4.0f};
  fixture.cache.gate.Close();
  fixture.source.gate.Close();
  const auto any = fixture.Start("ann");
  const auto young = fixture.Start("ann", absl::Minutes(1));
  const auto younger = fixture.Start("ann", absl::Milliseconds(1));
  fixture.loop.RunUntilIdle();
  fixture.cache.gate.Open();
  fixture.loop.RunUntilIdle();
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK((**any)->origin == FeatureOrigin::kRedis);
  CHECK((**young)->origin == FeatureOrigin::kSource);
  CHECK((**younger)->origin == FeatureOrigin::kSource);
  CHECK(fixture.source.reads == 1);
}

TEST_CASE("a row just read is young enough however long the read took") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.source.gate.Close();
  const auto call = fixture.Start("ann", absl::Milliseconds(1));
  fixture.loop.RunUntilIdle();
  fixture.clock.Advance(absl::Milliseconds(500));
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK((**call)->origin == FeatureOrigin::kSource);
  CHECK(fixture.source.reads == 1);
}

TEST_CASE("too old and no source: the message says what is missing") {
  Fixture fixture(Fixture::kOnlyCache);
  fixture.PutInCache("ann", {1.0f, 2.0f}, fixture.clock.WallNow() - absl::Minutes(10));
  const auto max_age = GENERATE(absl::ZeroDuration(), absl::Minutes(1));
  const Result row = fixture.Read("ann", max_age);
  CHECK(absl::IsFailedPrecondition(row.status()));
  CHECK(row.status().message().find("--feature_source") != absl::string_view::npos);
  CHECK(fixture.Read("ann").ok());
}

}  // namespace
}  // namespace predictd::features
