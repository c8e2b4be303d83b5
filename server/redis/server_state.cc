#include "server/redis/server_state.h"

#include <utility>

#include "server/base/log.h"

namespace predictd::redis {
namespace {

struct Lines {
  absl::string_view begins;
  absl::string_view ends;  // empty: not worth a line
};

constexpr std::array<Lines, 5> kTroubleLines = {{
    {"redis refuses reads", "redis takes reads again"},
    {"redis refuses writes", "redis takes writes again"},
    {"redis takes no writes", ""},
    {"redis gives no slot map", "redis gives a slot map again"},
    {"redis server has no slots any more", "redis server has slots again"},
}};

}  // namespace

void ServerState::Change(Health before, Health now, absl::string_view error) {
  MutexLock lock(mutex_);
  if (before != Health::kUnknown) --clients_[static_cast<size_t>(before)];
  if (now != Health::kUnknown) ++clients_[static_cast<size_t>(now)];
  Health health = Health::kUnknown;
  for (const Health worst : {Health::kRefused, Health::kDown, Health::kUp}) {
    if (clients_[static_cast<size_t>(worst)] == 0) continue;
    health = worst;
    break;
  }
  if (std::exchange(reported_, health) == health) return;
  if (health == Health::kUp) {
    Log(LogLevel::kInfo, "redis is up", {{"address", address_}});
  } else if (health != Health::kUnknown) {
    Log(LogLevel::kWarning, "redis is down", {{"address", address_}, {"error", error}});
  }
}

void ServerState::Note(Trouble trouble, absl::string_view error) {
  const auto index = static_cast<size_t>(trouble);
  MutexLock lock(mutex_);
  if (std::exchange(troubles_[index], !error.empty()) == !error.empty()) return;
  const Lines& lines = kTroubleLines[index];
  if (!error.empty()) {
    Log(LogLevel::kWarning, lines.begins, {{"address", address_}, {"error", error}});
  } else if (!lines.ends.empty()) {
    Log(LogLevel::kInfo, lines.ends, {{"address", address_}});
  }
}

std::shared_ptr<ServerState> ServerStates::For(const std::string& address) {
  MutexLock lock(mutex_);
  if (auto known = states_[address].lock()) return known;
  // Servers of a cluster come and go: those that nobody asks any more are forgotten.
  for (auto state = states_.begin(); state != states_.end();) {
    state = state->second.expired() ? states_.erase(state) : std::next(state);
  }
  auto state = std::make_shared<ServerState>(address);
  states_[address] = state;
  return state;
}

}  // namespace predictd::redis
