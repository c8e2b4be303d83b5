// Keeps callers from waiting, one after the other, for a source that hangs.
#ifndef PREDICTD_SERVER_FEATURES_BREAKER_H_
#define PREDICTD_SERVER_FEATURES_BREAKER_H_

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace predictd::features {

// One per source, shared by all loops; any thread. Times are of the loops' clock.
//
// Closed: every read is asked. It opens when a read took its whole time-out and nothing else was
// answered meanwhile: a source that is merely slow for some stays asked. Open: reads fail at once,
// but for one per window, which is asked and decides: an answer closes it. So a hung source costs
// one time-out per window, not one per request.
class Breaker {
 public:
  explicit Breaker(absl::Duration window = absl::Seconds(1)) : window_(window) {}

  // OK: ask, and call Answered or TimedOut with the outcome. Otherwise the error that opened it.
  absl::Status Admit(absl::Time now);

  // The source answered at `now`, be it with an error. One load and one store while closed.
  void Answered(absl::Time now);

  // It did not answer, from `asked` to `now`.
  void TimedOut(absl::Time asked, absl::Time now, const absl::Status& error);

 private:
  const absl::Duration window_;
  std::atomic<int64_t> last_answer_{0};  // nanoseconds
  std::atomic<bool> open_{false};
  Mutex mutex_;
  absl::Time next_probe_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_BREAKER_H_
