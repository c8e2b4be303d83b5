// What is wrong with values that were found in Redis and are no rows, for the log: callers only see
// a miss.
#ifndef PREDICTD_SERVER_FEATURES_VALUE_PROBLEMS_H_
#define PREDICTD_SERVER_FEATURES_VALUE_PROBLEMS_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace predictd::features {

// Shared by all loops; any thread. Each problem is a line when it is first met and then at most
// every ten minutes; all together are at most a line a second, as all columns may be wrong at once.
class ValueProblems {
 public:
  explicit ValueProblems(const Clock& clock) : clock_(clock) {}

  // `problem` names the field or the rule, never a user or a value.
  void Note(absl::string_view problem) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const Clock& clock_;
  Mutex mutex_;
  absl::Time last_line_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::flat_hash_map<std::string, absl::Time> told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_VALUE_PROBLEMS_H_
