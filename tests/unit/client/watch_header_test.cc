#include "client/watch_header.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("an outage is told while it lasts and after it") {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time start = absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 0), utc);
  WatchHeader header("host:1", utc);
  CHECK(header.Answered(start) == "host:1  03:04:00");
  CHECK(header.Failed(start + absl::Seconds(2)) ==
        "host:1  03:04:02  no answer since 03:04:02, trying again");
  CHECK(header.Failed(start + absl::Seconds(4)) ==
        "host:1  03:04:04  no answer since 03:04:02, trying again");
  CHECK(header.Answered(start + absl::Seconds(6)) ==
        "host:1  03:04:06  back since 03:04:06, was away since 03:04:02");
  CHECK(header.Answered(start + absl::Seconds(8)) ==
        "host:1  03:04:08  back since 03:04:06, was away since 03:04:02");
}

}  // namespace
}  // namespace predictd::client
