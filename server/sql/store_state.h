// Whether a store answers, said in the log once per change.
#ifndef PREDICTD_SERVER_SQL_STORE_STATE_H_
#define PREDICTD_SERVER_SQL_STORE_STATE_H_

#include <atomic>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace predictd {

// Any thread.
class StoreState {
 public:
  // `store` as the log shows it: "feature source 'users.db'".
  StoreState(std::string store, const Clock& clock) : store_(std::move(store)), clock_(clock) {}

  // The store answered. One load while all is well.
  void Worked() {
    if (failing_.load(std::memory_order_relaxed)) Recovered();
  }

  // It did not, for a caller who had waited for `waited`. A time-out alone may be the fault of a
  // short deadline: the log says so only when nothing was answered for a while. Returns since when
  // (wall clock) the store has not answered.
  absl::Time TimedOut(absl::string_view error, absl::Duration waited);
  absl::Time Failed(absl::string_view error);

 private:
  void Recovered() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Time Note(absl::string_view error, absl::Duration waited, bool certain)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string store_;
  const Clock& clock_;
  std::atomic<bool> failing_{false};

  Mutex mutex_;
  absl::Time since_ ABSL_GUARDED_BY(mutex_);       // clock's Now
  absl::Time since_wall_ ABSL_GUARDED_BY(mutex_);  // clock's WallNow
  bool said_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_STORE_STATE_H_
