// Whether loops still take turns: for whoever may end the process where one does not.
#ifndef PREDICTD_SERVER_ASYNC_PULSE_H_
#define PREDICTD_SERVER_ASYNC_PULSE_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace predictd {

// Any thread. Costs the loops nothing while nobody asks.
class Pulse {
 public:
  // Longer than a loop that is short of CPU takes for a turn.
  static constexpr absl::Duration kLongest = absl::Seconds(10);

  // The loops outlive the last question.
  Pulse(std::vector<Loop*> loops, const Clock& clock);

  // Posts a piece of work to each loop that has run its last one, and waits for none. Where a loop
  // has had one for kLongest and not run it: "event loop 3 has not answered for 10s". Else empty.
  std::string Check() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Beat {
    Loop* loop;
    absl::Time asked;
    // The loop's as well: its last piece of work may be left over when it ends.
    std::shared_ptr<std::atomic<bool>> answered;
  };

  const Clock& clock_;
  Mutex mutex_;
  std::vector<Beat> beats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_PULSE_H_
