#include "server/base/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace predictd {

absl::Time SystemClock::Now() const {
  return absl::FromUnixNanos(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count());
}

absl::Time SystemClock::WallNow() const { return absl::Now(); }

}  // namespace predictd
