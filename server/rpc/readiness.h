// Whether callers should be sent here, why not, and since when: for /readyz, metric and log.
#ifndef PREDICTD_SERVER_RPC_READINESS_H_
#define PREDICTD_SERVER_RPC_READINESS_H_

#include <atomic>
#include <string>

#include "server/base/metrics.h"
#include "server/base/mutex.h"
#include "server/repository/catalog.h"

namespace predictd::rpc {

// Any thread. Says the same as the health service does of "".
class Readiness {
 public:
  // `default_model` as the catalog has it.
  Readiness(const repository::Catalog& catalog, std::string default_model, Metrics& metrics);

  // "model 'ranker' has no READY version"; empty = ready.
  std::string WhyNot() const;

  // The catalog has changed: sets predictd_ready, and writes a line where it turns.
  void Changed() ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on it is not ready.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const repository::Catalog& catalog_;
  const std::string default_model_;
  Metrics& metrics_;
  std::atomic<bool> draining_{false};
  Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_READINESS_H_
