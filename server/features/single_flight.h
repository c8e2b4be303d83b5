// Concurrent reads of one key become one read.
#ifndef PREDICTD_SERVER_FEATURES_SINGLE_FLIGHT_H_
#define PREDICTD_SERVER_FEATURES_SINGLE_FLIGHT_H_

#include <coroutine>
#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/base/feature_row.h"

namespace predictd::features {

// One table shared by all loops, owned by main; outlives every loop's last turn. Any loop's thread.
//
// A read under way is a flight. It runs on the loop of the caller that started it, but belongs to a
// scope and to no caller: whoever gives up, the flight goes on for the others.
class SingleFlight {
 public:
  using Result = absl::StatusOr<FeatureRow>;

  struct Landing {
    Result result;
    // This caller started the flight; otherwise the read may have begun before the caller came.
    bool started = false;
  };

  class Awaiter;

  SingleFlight();
  ~SingleFlight();
  SingleFlight(const SingleFlight&) = delete;
  SingleFlight& operator=(const SingleFlight&) = delete;

  // Awaitable<Landing>: waits for the flight of `key`, starting `read` in `scope` where there is
  // none. Resumes on `loop`, whose thread calls this; never within the call. DEADLINE_EXCEEDED for
  // this caller alone at `deadline` (loop's clock; InfiniteFuture = none). `read` lives until the
  // awaiting coroutine is suspended. The coroutine is not destroyed while it waits.
  Awaiter Join(Loop& loop, Scope& scope, absl::string_view key, absl::Time deadline,
               absl::FunctionRef<Task<Result>()> read);

  // Flights under way at this moment.
  size_t size() const;

 private:
  struct Flight;
  struct Shard;
  static constexpr int kShards = 16;

  Shard& ShardOf(absl::string_view key) const;
  static Scope::Runner Fly(Scope& scope, std::shared_ptr<Flight> flight, Task<Result> read);
  static void Land(Flight& flight, Result result);

  const std::unique_ptr<Shard[]> shards_;
};

// One caller that waits, in its coroutine's frame.
class SingleFlight::Awaiter final : private Timer, private Resumption {
 public:
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  Landing await_resume();

 private:
  friend class SingleFlight;

  Awaiter(SingleFlight& table, Loop& loop, Scope& scope, absl::string_view key, absl::Time deadline,
          absl::FunctionRef<Task<Result>()> read)
      : table_(table), loop_(loop), scope_(scope), key_(key), deadline_(deadline), read_(read) {}

  void Expired() override;

  SingleFlight& table_;
  Loop& loop_;
  Scope& scope_;
  const absl::string_view key_;
  const absl::Time deadline_;
  const absl::FunctionRef<Task<Result>()> read_;
  std::shared_ptr<Flight> flight_;
  // Loop's thread only.
  bool started_ = false;
  bool timed_out_ = false;

  // Neighbours among those who wait for the flight; guarded by the mutex of the flight's shard.
  Awaiter* before_ = nullptr;
  Awaiter* after_ = nullptr;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_SINGLE_FLIGHT_H_
