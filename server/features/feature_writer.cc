#include "server/features/feature_writer.h"

#include <algorithm>
#include <cstddef>

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
  // Nothing was written.
  if (absl::IsInvalidArgument(statuses.status()) || absl::IsResourceExhausted(statuses.status())) {
    co_return statuses;
  }
  if (absl::IsDeadlineExceeded(statuses.status())) {
    // It may be under way: what is dropped now would be read as it was before.
    late_.Spawn(ForgetOnceSettled(std::move(user_ids)));
    co_return statuses;
  }
  // Whatever may have been written: after an error of the store that is unknown.
  std::vector<std::string> written;
  for (size_t i = 0; i < user_ids.size(); ++i) {
    if (!statuses.ok() || (*statuses)[i].ok()) written.push_back(std::move(user_ids[i]));
  }
  Task<void> forgetting = Forget(std::move(written));
  co_await std::move(forgetting);
  co_return statuses;
}

Task<void> FeatureWriter::ForgetOnceSettled(std::vector<std::string> user_ids) {
  Task<void> settling = sink_.Settled(loop_);
  co_await std::move(settling);
  Task<void> forgetting = Forget(std::move(user_ids));
  co_await std::move(forgetting);
}

Task<void> FeatureWriter::Forget(std::vector<std::string> user_ids) {
  for (size_t begin = 0; begin < user_ids.size();) {
    const size_t end = std::min(begin + kUsersAtOnce, user_ids.size());
    Scope scope;
    for (; begin < end; ++begin) scope.Spawn(changed_(std::move(user_ids[begin])));
    co_await scope.Done();
  }
}

}  // namespace predictd::features
