#include "server/sql/store_state.h"

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace predictd {
namespace {

// Time-outs without an answer in between for this long are more than a short deadline.
constexpr absl::Duration kPatience = absl::Milliseconds(100);

}  // namespace

absl::Time StoreState::TimedOut(absl::string_view error, absl::Duration waited) {
  return Note(error, waited, false);
}

absl::Time StoreState::Failed(absl::string_view error) {
  return Note(error, absl::ZeroDuration(), true);
}

absl::Time StoreState::Note(absl::string_view error, absl::Duration waited, bool certain) {
  absl::Time since;
  {
    MutexLock lock(mutex_);
    const absl::Time now = clock_.Now();
    if (!failing_.load(std::memory_order_relaxed)) {
      since_ = now - waited;
      since_wall_ = clock_.WallNow() - waited;
      said_ = false;
      failing_.store(true, std::memory_order_relaxed);
    }
    since = since_wall_;
    if (said_ || (!certain && now - since_ < kPatience)) return since;
    said_ = true;
  }
  Log(LogLevel::kWarning, absl::StrCat(store_, " does not answer"), {{"error", error}});
  return since;
}

void StoreState::Recovered() {
  absl::Duration failed_for;
  {
    MutexLock lock(mutex_);
    if (!failing_.load(std::memory_order_relaxed)) return;
    failing_.store(false, std::memory_order_relaxed);
    if (!said_) return;
    failed_for = clock_.Now() - since_;
  }
  Log(LogLevel::kInfo, absl::StrCat(store_, " answers again"),
      {{"after", absl::Trunc(failed_for, absl::Milliseconds(1))}});
}

}  // namespace predictd
