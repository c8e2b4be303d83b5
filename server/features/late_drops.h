// Rows that Redis still has although the source has newer ones.
#ifndef PREDICTD_SERVER_FEATURES_LATE_DROPS_H_
#define PREDICTD_SERVER_FEATURES_LATE_DROPS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/task.h"

namespace predictd::features {

// One loop's; that loop's thread only. Remembers the users whose row could not be dropped, because
// Redis could not be asked, and tries again until it can. Bounded: of more users than that the rows
// stay, which the log says once per outage.
class LateDrops final : private Timer {
 public:
  // False: Redis cannot be asked.
  using Drop = std::function<Task<bool>(std::string user_id)>;

  static constexpr size_t kMostUsers = 65536;

  // What is tried again runs in `scope`, which outlives this and ends before it, as `loop` does.
  LateDrops(Loop& loop, Scope& scope, Drop drop)
      : loop_(loop), scope_(scope), drop_(std::move(drop)) {}
  ~LateDrops() { loop_.Stop(*this); }

  void Add(std::string user_id);

  // From now on nothing is tried again, so that the scope comes to an end.
  void Close();

 private:
  void Expired() override { scope_.Spawn(TryAll()); }
  Task<void> TryAll();
  Task<void> Try(std::string user_id);
  void TryLater();

  Loop& loop_;
  Scope& scope_;
  const Drop drop_;
  absl::btree_set<std::string> users_;
  bool trying_ = false;
  bool full_ = false;  // since users_ was empty
  bool closed_ = false;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_LATE_DROPS_H_
