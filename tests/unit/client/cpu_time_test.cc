#include "client/load/cpu_time.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("ticks are found behind a name with spaces and brackets") {
  CHECK(*CpuTicks("12 (a b) c) S 1 12 12 0 -1 4194560 1 2 3 4 150 25 7 8 20 0 1 0 99") == 175);
}

TEST_CASE("a line that is no stat line is an error") {
  CHECK_FALSE(CpuTicks("").ok());
  CHECK_FALSE(CpuTicks("12 (a) S 1 2").ok());
  CHECK_FALSE(CpuTicks("12 (a) S 1 12 12 0 -1 4194560 1 2 3 4 x y").ok());
}

TEST_CASE("this process has used CPU time") {
  const auto used = CpuTimeOf({getpid()});
  REQUIRE(used.ok());
  CHECK(OwnCpuTime() > absl::ZeroDuration());
  CHECK(*CpuTimeOf({}) == absl::ZeroDuration());
}

TEST_CASE("a process that is not there is named") {
  const auto used = CpuTimeOf({1 << 30});
  CHECK(used.status().code() == absl::StatusCode::kNotFound);
  CHECK(absl::StrContains(used.status().message(), "1073741824"));
}

}  // namespace
}  // namespace predictd::client
