// A row that a coroutine waits for.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_READ_H_
#define PREDICTD_SERVER_SQL_POSTGRES_READ_H_

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/feature_row.h"

namespace predictd {

class PostgresConnection;
class PostgresPool;

// Awaitable<absl::StatusOr<std::optional<FeatureRow>>>, in its coroutine's frame; loop's thread
// only. Under way from the start; one that is destroyed before its answer came is answered into the
// void. Awaited at most once; resumed by the loop.
//
// DEADLINE_EXCEEDED: no answer by `limit`, or the server broke it off. UNAVAILABLE: the server
// cannot be reached or was lost. FAILED_PRECONDITION: there is no table yet. Else the server's
// error.
class [[nodiscard]] PostgresRead final : private Timer, private Resumption {
 public:
  using Outcome = absl::StatusOr<std::optional<FeatureRow>>;

  PostgresRead(PostgresPool& pool, Loop& loop, std::string user_id, absl::Time limit);
  PostgresRead(const PostgresRead&) = delete;
  PostgresRead& operator=(const PostgresRead&) = delete;
  ~PostgresRead();

  bool await_ready() const { return finished_; }
  void await_suspend(std::coroutine_handle<> waiting) {
    WaitAs(waiting);
    suspended_ = true;
  }
  Outcome await_resume() { return std::move(outcome_); }

 private:
  friend class PostgresConnection;
  friend class PostgresPool;

  void Finish(Outcome outcome);
  void Expired() override;

  PostgresPool& pool_;
  Loop& loop_;
  const std::string user_id_;
  Outcome outcome_;
  bool finished_ = false;
  bool suspended_ = false;

  // The pool's and the connection's: where it waits.
  PostgresConnection* connection_ = nullptr;
  uint64_t number_ = 0;  // in the connection's queue
  uint64_t look_ = 0;    // the look it waits for
  int losses_ = 0;       // of connections under it
  bool looked_ = false;  // has waited for a look
  absl::Time sent_;      // wall clock
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_READ_H_
