// A source that hangs, and callers who have little time.
#include <vector>

#include "absl/strings/match.h"
#include "tests/fakes/metric_value.h"
#include "tests/unit/features/reader_fixture.h"

namespace predictd::features {
namespace {

// A read that takes all of the source's time-out and fails.
Result ReadFromHungSource(Fixture& fixture, const std::string& user) {
  fixture.source.gate.Close();
  fixture.source.error = absl::UnavailableError("the source has not answered since noon");
  const auto call = fixture.Start(user);
  fixture.loop.RunUntilIdle();
  fixture.clock.Advance(absl::Seconds(1));
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  return **call;
}

TEST_CASE("a hung source costs one time-out per window, not one per request") {
  Fixture fixture;
  CHECK(absl::IsUnavailable(ReadFromHungSource(fixture, "ann").status()));
  CHECK(fixture.source.reads == 1);
  for (const char* user : {"bob", "cid", "dan"}) {
    const Result refused = fixture.Read(user);
    CHECK(absl::IsUnavailable(refused.status()));
    CHECK(absl::StrContains(refused.status().message(), "has not answered since noon"));
  }
  CHECK(fixture.source.reads == 1);

  // One is asked when the window has passed; while it waits, others are not.
  fixture.clock.Advance(absl::Seconds(1));
  fixture.source.gate.Close();
  const auto probe = fixture.Start("bob");
  fixture.loop.RunUntilIdle();
  CHECK(fixture.source.reads == 2);
  CHECK(absl::IsUnavailable(fixture.Read("cid").status()));
  CHECK(fixture.source.reads == 2);

  fixture.source.rows["bob"] = {1.0f, 2.0f};
  fixture.source.rows["cid"] = {3.0f, 4.0f};
  fixture.source.error = absl::OkStatus();
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  CHECK(probe->has_value());
  CHECK(fixture.Read("cid").ok());
}

TEST_CASE("a probe that hangs as well keeps the others from asking") {
  Fixture fixture;
  CHECK_FALSE(ReadFromHungSource(fixture, "ann").ok());
  fixture.clock.Advance(absl::Seconds(1));
  CHECK_FALSE(ReadFromHungSource(fixture, "bob").ok());
  CHECK(fixture.source.reads == 2);
  CHECK(absl::IsUnavailable(fixture.Read("cid").status()));
  CHECK(fixture.source.reads == 2);
}

TEST_CASE("a source that fails at once, or answers others, stays asked") {
  Fixture fixture;
  fixture.source.error = absl::UnavailableError("no such file");
  CHECK_FALSE(fixture.Read("ann").ok());
  CHECK_FALSE(fixture.Read("ann").ok());
  CHECK(fixture.source.reads == 2);

  // One read hangs while another one is answered.
  Breaker breaker;
  const absl::Time start = fixture.clock.Now();
  breaker.Answered(start + absl::Milliseconds(500));
  breaker.TimedOut(start, start + absl::Seconds(1), absl::UnavailableError("slow"));
  CHECK(breaker.Admit(start + absl::Seconds(1)).ok());
}

TEST_CASE("a read that cannot be answered in the time that is left is not started") {
  Fixture fixture;
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  fixture.source.gate.Close();
  const auto slow = fixture.Start("ann");
  fixture.loop.RunUntilIdle();
  fixture.clock.Advance(absl::Milliseconds(40));
  fixture.source.gate.Open();
  fixture.loop.RunUntilIdle();
  REQUIRE((*slow)->ok());

  const auto hasty = fixture.Start("bob", kAnyAge, fixture.clock.Now() + absl::Milliseconds(39));
  fixture.loop.RunUntilIdle();
  REQUIRE(hasty->has_value());
  CHECK(absl::IsDeadlineExceeded((*hasty)->status()));
  CHECK(absl::StrContains((*hasty)->status().message(), "a read takes at least 40ms"));
  CHECK(fixture.source.reads == 1);

  // Who has the time is served, and what was slow a while ago is asked again.
  const auto patient = fixture.Start("bob", kAnyAge, fixture.clock.Now() + absl::Milliseconds(41));
  fixture.loop.RunUntilIdle();
  CHECK(absl::IsNotFound((*patient)->status()));
  fixture.clock.Advance(absl::Seconds(3));
  const auto later = fixture.Start("cid", kAnyAge, fixture.clock.Now() + absl::Milliseconds(1));
  fixture.loop.RunUntilIdle();
  CHECK(absl::IsNotFound((*later)->status()));
}

TEST_CASE("a row that was read without Redis is counted as degraded") {
  Fixture fixture;
  fixture.cache.error = absl::UnavailableError("connection refused");
  fixture.source.rows["ann"] = {1.0f, 2.0f};
  CHECK(fixture.Read("ann").ok());
  CHECK(MetricValue(fixture.metrics, "predictd_degraded_total", {{"path", "without_redis"}}) == 1);
}

}  // namespace
}  // namespace predictd::features
