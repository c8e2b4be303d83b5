// What becomes of a feature source's failures: the log, the metrics, and what a caller reads.
#ifndef PREDICTD_SERVER_SQL_SOURCE_ERRORS_H_
#define PREDICTD_SERVER_SQL_SOURCE_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/base/mutex.h"
#include "server/sql/store_state.h"

namespace predictd {

// Any thread.
class SourceErrors {
 public:
  // `source` as log and messages show it: "feature source 'users.db'".
  SourceErrors(const std::string& source, const Clock& clock, Metrics& metrics)
      : source_(source), clock_(clock), state_(source, clock), metrics_(metrics) {}

  // The source answered. One load while all is well.
  void Worked() { state_.Worked(); }

  // An attempt to connect failed.
  void NotConnected(const absl::Status& error);

  // A read failed with `error` after it had waited for `waited`: returns what its caller is told.
  // DEADLINE_EXCEEDED only where it was the caller's own time that ended, else UNAVAILABLE; the
  // message says since when the source has not answered. An INTERNAL error is the row's own (a view
  // that cannot compute it): the source is well, and the log has a line a minute at most.
  absl::Status Explain(const absl::Status& error, absl::Duration waited, bool caller_out_of_time);

 private:
  absl::Status ExplainRow(const absl::Status& error) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string source_;
  const Clock& clock_;
  StoreState state_;
  Metrics& metrics_;

  Mutex mutex_;
  absl::Time last_line_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // clock's Now
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SOURCE_ERRORS_H_
