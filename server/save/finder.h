// Looks predictions up in the store, on a thread of its own.
#ifndef PREDICTD_SERVER_SAVE_FINDER_H_
#define PREDICTD_SERVER_SAVE_FINDER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/base/prediction.h"
#include "server/sql/mailbox.h"
#include "server/sql/prediction_store.h"

namespace predictd::save {

// Any thread. Destroyed before the store and before the loops that wait.
class Finder {
 public:
  // Beyond `max_queue` lookups that wait for the thread they fail at once.
  Finder(PredictionStore& store, const Clock& clock, Metrics& metrics, size_t max_queue);
  ~Finder();
  Finder(const Finder&) = delete;
  Finder& operator=(const Finder&) = delete;

  // Resumes on `loop`. DEADLINE_EXCEEDED at `deadline`; the store's error as UNAVAILABLE, or
  // DATA_LOSS where the row is no prediction.
  Task<absl::StatusOr<std::optional<Prediction>>> Find(Loop& loop, std::string prediction_id,
                                                       absl::Time deadline);

 private:
  class Request;

  void Run();

  PredictionStore& store_;
  const Clock& clock_;
  Metrics& metrics_;
  Mailbox<Request*> requests_;
  std::thread thread_;  // last, since it uses the others
};

}  // namespace predictd::save

#endif  // PREDICTD_SERVER_SAVE_FINDER_H_
