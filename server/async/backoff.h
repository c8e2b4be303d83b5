// How long to wait before the next attempt: twice as long each time, up to a limit.
#ifndef PREDICTD_SERVER_ASYNC_BACKOFF_H_
#define PREDICTD_SERVER_ASYNC_BACKOFF_H_

#include <algorithm>
#include <random>

#include "absl/time/time.h"

namespace predictd {

// One thread. Every delay is shortened by up to a half at random, so that many servers that lost
// one store do not come back in step.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration longest)
      : first_(first), longest_(longest), next_(first) {}

  absl::Duration Next() {
    const absl::Duration delay = next_;
    next_ = std::min(next_ * 2, longest_);
    return delay * std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  }

  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  absl::Duration next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_BACKOFF_H_
