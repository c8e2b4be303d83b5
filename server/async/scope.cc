#include "server/async/scope.h"

#include <cstdlib>
#include <utility>

#include "server/base/log.h"

namespace predictd {

Scope::Runner Scope::Run(Scope&, Task<void> task) { co_await std::move(task); }

void Scope::Spawn(Task<void> task) { Run(*this, std::move(task)); }

void Scope::Leave() {
  if (--running_ == 0 && waiting_) std::exchange(waiting_, nullptr).resume();
}

Scope::~Scope() {
  // Tasks of a scope that goes first would resume into freed memory: better to end here, visibly.
  if (running_ == 0) return;
  Log(LogLevel::kError, "a scope ended before its tasks", {{"tasks", running_}});
  std::abort();
}

}  // namespace predictd
