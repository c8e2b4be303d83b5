// Waits for what must come, however slow the machine is.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_WAIT_UNTIL_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_WAIT_UNTIL_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace predictd::integration {

// Longer than anything takes on a busy machine; only a failing test waits that long.
inline constexpr absl::Duration kPatience = absl::Seconds(180);

// Asks every few milliseconds until `condition()` holds; false where it never did within `limit`.
template <typename Condition>
bool WaitUntil(Condition condition, absl::Duration limit = kPatience) {
  const absl::Time latest = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > latest) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_WAIT_UNTIL_H_
