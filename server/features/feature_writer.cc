#include "server/features/feature_writer.h"

#include <algorithm>
#include <cstddef>

#include "server/async/scope.h"

namespace predictd::features {
namespace {

// Users whose copies are dropped or refreshed at once: other calls of the loop get their turns.
constexpr size_t kUsersAtOnce = 64;

}  // namespace

Task<absl::StatusOr<std::vector<absl::Status>>> FeatureWriter::Write(
    std::vector<std::string> names, std::vector<FeatureRecord> rows, absl::Time deadline) {
  std::vector<std::string> user_ids;
  user_ids.reserve(rows.size());
  for (const FeatureRecord& row : rows) user_ids.push_back(row.user_id);
  auto write = sink_.Write(loop_, std::move(names), std::move(rows), deadline);
  absl::StatusOr<std::vector<absl::Status>> statuses = co_await std::move(write);
  // Whatever may have been written: after an error of the store that is unknown.
  if (absl::IsInvalidArgument(statuses.status())) co_return statuses;
  for (size_t begin = 0; begin < user_ids.size();) {
    const size_t end = std::min(begin + kUsersAtOnce, user_ids.size());
    Scope scope;
    for (; begin < end; ++begin) {
      if (statuses.ok() && !(*statuses)[begin].ok()) continue;
      scope.Spawn(changed_(std::move(user_ids[begin])));
    }
    co_await scope.Done();
  }
  co_return statuses;
}

}  // namespace predictd::features
