// Users' rows go into the feature table, and their copies go from the caches.
#ifndef PREDICTD_SERVER_FEATURES_FEATURE_WRITER_H_
#define PREDICTD_SERVER_FEATURES_FEATURE_WRITER_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/base/feature_record.h"
#include "server/sql/feature_sink_thread.h"

namespace predictd::features {

// One per loop, that loop's thread only. All that it is given outlives it.
class FeatureWriter {
 public:
  // Drops or refreshes what caches have of a user whose row was changed.
  using Changed = std::function<Task<void>(std::string user_id)>;

  FeatureWriter(Loop& loop, FeatureSinkThread& sink, Changed changed)
      : loop_(loop), sink_(sink), changed_(std::move(changed)) {}

  // As FeatureSinkThread::Write. Resumes when, for the rows that were written, no cache of this
  // process has an older one any more; after DEADLINE_EXCEEDED that is so when the write has ended.
  Task<absl::StatusOr<std::vector<absl::Status>>> Write(std::vector<std::string> names,
                                                        std::vector<FeatureRecord> rows,
                                                        absl::Time deadline);

  // Awaitable, by one at a time: resumes when nothing is to be dropped any more. To be awaited,
  // after the last Write, before this is destroyed.
  auto Done() { return late_.Done(); }

 private:
  Task<void> Forget(std::vector<std::string> user_ids);
  Task<void> ForgetOnceSettled(std::vector<std::string> user_ids);

  Loop& loop_;
  FeatureSinkThread& sink_;
  const Changed changed_;
  Scope late_;  // writes that go on after their callers have gone
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_FEATURE_WRITER_H_
