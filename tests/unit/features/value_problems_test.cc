#include "server/features/value_problems.h"

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::features {
namespace {

TEST_CASE("each problem of a value is told once, and again after ten minutes") {
  const CapturedLog log;
  FakeClock clock;
  ValueProblems problems(clock);
  for (int i = 0; i < 3; ++i) problems.Note("field 'age' is no number");
  CHECK(log.Count("field 'age' is no number") == 1);
  // Another one in the same second is told when it comes again.
  problems.Note("field 'hours' is no number");
  CHECK(log.Count("hours") == 0);
  clock.Advance(absl::Seconds(1));
  problems.Note("field 'age' is no number");
  problems.Note("field 'hours' is no number");
  CHECK(log.Count("hours") == 1);
  CHECK(log.Count("'age'") == 1);
  clock.Advance(absl::Minutes(10));
  problems.Note("field 'age' is no number");
  CHECK(log.Count("'age'") == 2);
}

}  // namespace
}  // namespace predictd::features
