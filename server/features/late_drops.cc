#include "server/features/late_drops.h"

#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/base/log.h"

namespace predictd::features {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(250);
// Users who are tried together, once the first has shown that Redis answers: other calls of the
// loop get their turns.
constexpr size_t kUsersAtOnce = 64;

}  // namespace

void LateDrops::Add(std::string user_id) {
  if (users_.size() >= kMostUsers) {
    if (!std::exchange(full_, true)) {
      Log(LogLevel::kWarning,
          "redis is away and more rows were written than are remembered: some stay old in it "
          "until they expire",
          {{"remembered", kMostUsers}});
    }
    return;
  }
  users_.insert(std::move(user_id));
  TryLater();
}

void LateDrops::Close() {
  closed_ = true;
  loop_.Stop(*this);
}

void LateDrops::TryLater() {
  if (!closed_ && !trying_ && !running()) loop_.Start(*this, loop_.Now() + kPause);
}

Task<void> LateDrops::TryAll() {
  trying_ = true;
  size_t at_once = 1;
  while (!users_.empty()) {
    std::vector<std::string> now;
    while (!users_.empty() && now.size() < at_once) {
      now.push_back(std::move(users_.extract(users_.begin()).value()));
    }
    Scope together;
    const size_t left = users_.size();
    for (std::string& user_id : now) together.Spawn(Try(std::move(user_id)));
    co_await together.Done();
    // Those who came meanwhile are tried with the rest, later.
    if (users_.size() > left) break;
    at_once = kUsersAtOnce;
  }
  trying_ = false;
  if (users_.empty()) {
    full_ = false;
  } else {
    TryLater();
  }
}

Task<void> LateDrops::Try(std::string user_id) {
  Task<bool> dropping = drop_(user_id);
  const bool asked = co_await std::move(dropping);
  if (!asked) users_.insert(std::move(user_id));
}

}  // namespace predictd::features
