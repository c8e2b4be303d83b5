#include "server/features/value_problems.h"

#include "server/base/log.h"

namespace predictd::features {
namespace {

constexpr absl::Duration kAgain = absl::Minutes(10);
constexpr absl::Duration kBetweenLines = absl::Seconds(1);

}  // namespace

void ValueProblems::Note(absl::string_view problem) {
  const absl::Time now = clock_.Now();
  MutexLock lock(mutex_);
  if (now - last_line_ < kBetweenLines) return;
  const auto [told, is_new] = told_.try_emplace(problem, now);
  if (!is_new && now - told->second < kAgain) return;
  told->second = now;
  last_line_ = now;
  Log(LogLevel::kWarning, "a value in redis is no row and counts as a miss",
      {{"problem", problem}});
}

}  // namespace predictd::features
