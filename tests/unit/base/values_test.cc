#include "server/base/clock.h"
#include "server/base/feature_row.h"
#include "server/base/status.h"
#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("origins have the names of the proto, and are found by them") {
  CHECK(FeatureOriginName(FeatureOrigin::kLocalCache) == "LOCAL_CACHE");
  CHECK(FeatureOriginName(FeatureOrigin::kDefaults) == "DEFAULTS");
  for (int i = 0; i < kFeatureOrigins; ++i) {
    const auto origin = static_cast<FeatureOrigin>(i);
    CHECK(ParseFeatureOrigin(FeatureOriginName(origin)) == origin);
  }
  CHECK(ParseFeatureOrigin("redis") == FeatureOrigin::kUnspecified);
  CHECK(ParseFeatureOrigin("") == FeatureOrigin::kUnspecified);
}

TEST_CASE("a new row is of unknown age and origin") {
  const FeatureRow row;
  CHECK(row.read_at == absl::InfinitePast());
  CHECK(row.origin == FeatureOrigin::kUnspecified);
}

TEST_CASE("a status carries its retry delay and stays the same error") {
  const absl::Status plain = absl::UnavailableError("model 'churn' is warming up");
  CHECK_FALSE(RetryDelay(plain).has_value());
  const absl::Status status = WithRetryDelay(plain, absl::Milliseconds(250));
  CHECK(status.code() == plain.code());
  CHECK(status.message() == plain.message());
  CHECK(RetryDelay(status) == absl::Milliseconds(250));
  CHECK(RetryDelay(WithRetryDelay(status, absl::Seconds(2))) == absl::Seconds(2));
}

TEST_CASE("an error leaves the function, OK does not") {
  auto run = [](const absl::Status& first) -> absl::Status {
    PREDICTD_RETURN_IF_ERROR(first);
    return absl::NotFoundError("went on");
  };
  CHECK(absl::IsInternal(run(absl::InternalError("stop"))));
  CHECK(absl::IsNotFound(run(absl::OkStatus())));
}

TEST_CASE("the clock for deadlines does not go back, the other one is the wall clock") {
  const SystemClock clock;
  const absl::Time before = clock.Now();
  CHECK(clock.Now() >= before);
  CHECK(clock.WallNow() > absl::FromUnixSeconds(1700000000));
}

}  // namespace
}  // namespace predictd
