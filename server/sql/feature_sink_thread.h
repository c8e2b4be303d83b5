// The thread that writes users' rows, and how coroutines wait for it.
#ifndef PREDICTD_SERVER_SQL_FEATURE_SINK_THREAD_H_
#define PREDICTD_SERVER_SQL_FEATURE_SINK_THREAD_H_

#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/clock.h"
#include "server/base/feature_record.h"
#include "server/base/metrics.h"
#include "server/sql/feature_sink.h"
#include "server/sql/mailbox.h"

namespace predictd {

// Any thread. Writes are done one after the other, in the order in which they came. Destroyed when
// no Write waits any more, and before the loops.
class FeatureSinkThread {
 public:
  // `clock` is the one that the loops have. Beyond `max_queue` writes that wait they fail at once.
  FeatureSinkThread(std::unique_ptr<FeatureSink> sink, const Clock& clock, Metrics& metrics,
                    size_t max_queue = 64);
  ~FeatureSinkThread();
  FeatureSinkThread(const FeatureSinkThread&) = delete;
  FeatureSinkThread& operator=(const FeatureSinkThread&) = delete;

  // Resumes on `loop` once the rows are written, with what became of each: OK or INVALID_ARGUMENT.
  // INVALID_ARGUMENT where the names are at fault, FAILED_PRECONDITION where the table or what the
  // server may do in it is; RESOURCE_EXHAUSTED where the queue is full, DEADLINE_EXCEEDED at
  // `deadline` (they may be written all the same); else the store's error as UNAVAILABLE.
  Task<absl::StatusOr<std::vector<absl::Status>>> Write(Loop& loop, std::vector<std::string> names,
                                                        std::vector<FeatureRecord> rows,
                                                        absl::Time deadline);

  // Resumes on `loop` once all writes that came before are done, those too whose callers were told
  // DEADLINE_EXCEEDED meanwhile.
  Task<void> Settled(Loop& loop);

 private:
  class Request;
  using Statuses = std::vector<absl::Status>;

  void Run();
  absl::StatusOr<Statuses> WriteNow(const Request& request);
  // Counts it, and says in the log when writing begins to fail and when it works again.
  void Note(const absl::Status& status);

  const std::unique_ptr<FeatureSink> sink_;
  const Clock& clock_;
  Metrics& metrics_;
  Mailbox<Request*> mailbox_;
  bool failing_ = false;  // of thread_
  std::thread thread_;    // last, since it uses the others
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_FEATURE_SINK_THREAD_H_
