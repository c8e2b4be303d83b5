#include "server/predict/feature_store.h"

#include <algorithm>
#include <utility>

#include "server/predict/feature_merge.h"

namespace predictd::predict {

Task<absl::StatusOr<std::vector<absl::Status>>> FeatureStore::Put(std::vector<std::string> names,
                                                                  std::vector<FeatureRecord> rows,
                                                                  const CallContext& call) {
  if (writer_ == nullptr) {
    co_return absl::FailedPreconditionError(
        "there is no table to write features to: start predictd with --feature_source=sqlite:PATH "
        "or postgresql://...");
  }
  const absl::Status check = call.Check(loop_.Now(), "the features were written");
  if (!check.ok()) co_return check;
  auto write = writer_->Write(std::move(names), std::move(rows), call.deadline);
  co_return co_await std::move(write);
}

Task<absl::StatusOr<StoredRow>> FeatureStore::Get(absl::string_view user_id, absl::Duration max_age,
                                                  const CallContext& call) {
  Request request;
  request.user_id = user_id;
  request.max_feature_age = max_age;
  absl::Status check = CheckRequest(request);
  if (check.ok()) check = call.Check(loop_.Now(), "the features were read");
  if (!check.ok()) co_return check;
  if (reader_ == nullptr) {
    co_return absl::FailedPreconditionError(
        "no features are stored: start predictd with --feature_source or --feature_cache");
  }
  auto read = reader_->Read(user_id, max_age, call.deadline);
  absl::StatusOr<FeatureRow> row = co_await std::move(read);
  if (absl::IsNotFound(row.status())) metrics_.CountFeatureRows(FeatureOrigin::kUnspecified);
  if (!row.ok()) co_return row.status();
  StoredRow found;
  found.row = *std::move(row);
  metrics_.CountFeatureRows(found.row.origin);
  if (found.row.read_at != absl::InfinitePast()) {
    found.age = std::max(loop_.WallNow() - found.row.read_at, absl::ZeroDuration());
  }
  co_return found;
}

}  // namespace predictd::predict
