#include "server/rpc/feature_calls.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/conversions.h"
#include "server/rpc/request_record.h"

namespace predictd::rpc {
namespace {

constexpr int kSpare = 2;

using Async = v1::Predictor::AsyncService;

}  // namespace

FeatureCalls::FeatureCalls(FeatureCallParts parts)
    : parts_(parts),
      put_features_(parts.loop, parts.scope, parts.service, &Async::RequestPutFeatures, kSpare,
                    Handler(this, &FeatureCalls::PutFeatures)),
      get_features_(parts.loop, parts.scope, parts.service, &Async::RequestGetFeatures, kSpare,
                    Handler(this, &FeatureCalls::GetFeatures)) {}

void FeatureCalls::Start() {
  put_features_.Start();
  get_features_.Start();
}

Task<absl::Status> FeatureCalls::PutFeatures(Call& call, const v1::PutFeaturesRequest& message,
                                             v1::PutFeaturesResponse& response) {
  RequestRecord record(Method::kPutFeatures, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = CheckAdmin(parts_.admin, call.context().peer());
  if (!status.ok()) co_return record.Answered(std::move(status));
  std::vector<std::string> names(message.names().begin(), message.names().end());
  auto put = parts_.store.Put(std::move(names), ToRecords(message), call.caller());
  const absl::StatusOr<std::vector<absl::Status>> written = co_await std::move(put);
  if (!written.ok()) co_return record.Answered(written.status());
  FillResponse(*written, response);
  co_return record.Answered(absl::OkStatus());
}

Task<absl::Status> FeatureCalls::GetFeatures(Call& call, const v1::GetFeaturesRequest& message,
                                             v1::GetFeaturesResponse& response) {
  RequestRecord record(Method::kGetFeatures, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (!status.ok()) co_return record.Answered(std::move(status));
  auto get = parts_.store.Get(message.user_id(), MaxFeatureAge(message), call.caller());
  const absl::StatusOr<predict::StoredRow> found = co_await std::move(get);
  if (!found.ok()) co_return record.Answered(found.status());
  response.set_user_id(message.user_id());
  FillResponse(*found, response);
  co_return record.Answered(absl::OkStatus());
}

}  // namespace predictd::rpc
