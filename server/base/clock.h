// Where every part reads the time, so that a test can move it.
#ifndef PREDICTD_SERVER_BASE_CLOCK_H_
#define PREDICTD_SERVER_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace predictd {

// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // For deadlines, time-outs and durations: never jumps when the wall clock is set. Comparable only
  // with other values of Now().
  virtual absl::Time Now() const = 0;

  // For stamps that leave the process (row age, created_at): the wall clock.
  virtual absl::Time WallNow() const = 0;
};

class SystemClock : public Clock {
 public:
  absl::Time Now() const override;
  absl::Time WallNow() const override;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_CLOCK_H_
