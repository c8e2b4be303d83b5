#include "server/rpc/repository_calls.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"
#include "server/rpc/inference_metadata.h"
#include "server/rpc/repository_answer.h"
#include "server/rpc/request_record.h"

namespace predictd::rpc {
namespace {

constexpr int kSpare = 2;

using Async = inference::GRPCInferenceService::AsyncService;

absl::Status CheckRepositoryName(absl::string_view name) {
  if (name.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("repository_name: '", name,
                                                 "' is unknown; there is one repository, leave it "
                                                 "empty"));
}

absl::Status CheckModelName(absl::string_view name) {
  if (!name.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("model_name: name the model");
}

}  // namespace

absl::Status CheckLoad(const inference::RepositoryModelLoadRequest& message) {
  PREDICTD_RETURN_IF_ERROR(CheckRepositoryName(message.repository_name()));
  PREDICTD_RETURN_IF_ERROR(CheckModelName(message.model_name()));
  for (const auto& [name, value] : message.parameters()) {
    return absl::InvalidArgumentError(
        absl::StrCat("parameters['", name,
                     "'] is not supported: files and settings are those in the "
                     "model's folder"));
  }
  return absl::OkStatus();
}

absl::Status CheckUnload(const inference::RepositoryModelUnloadRequest& message) {
  PREDICTD_RETURN_IF_ERROR(CheckRepositoryName(message.repository_name()));
  PREDICTD_RETURN_IF_ERROR(CheckModelName(message.model_name()));
  for (const auto& [name, value] : message.parameters()) {
    if (name != "unload_dependents") {
      return absl::InvalidArgumentError(absl::StrCat("parameters['", name, "'] is not supported"));
    }
  }
  return absl::OkStatus();
}

RepositoryCalls::RepositoryCalls(const InferenceParts& parts, Scope& scope)
    : parts_(parts),
      scope_(scope),
      index_(parts.loop, scope, parts.service, &Async::RequestRepositoryIndex, kSpare,
             Handler(this, &RepositoryCalls::Index)),
      load_(parts.loop, scope, parts.service, &Async::RequestRepositoryModelLoad, kSpare,
            Handler(this, &RepositoryCalls::Load)),
      unload_(parts.loop, scope, parts.service, &Async::RequestRepositoryModelUnload, kSpare,
              Handler(this, &RepositoryCalls::Unload)) {}

void RepositoryCalls::Start() {
  index_.Start();
  load_.Start();
  unload_.Start();
}

Task<absl::Status> RepositoryCalls::Index(Call& call,
                                          const inference::RepositoryIndexRequest& message,
                                          inference::RepositoryIndexResponse& response) {
  RequestRecord record(Method::kRepositoryIndex, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = CheckAdmin(parts_.admin, call.context().peer());
  if (status.ok()) status = CheckRepositoryName(message.repository_name());
  if (status.ok()) FillIndex(*parts_.catalog.snapshot(), message.ready(), response);
  co_return record.Answered(std::move(status));
}

Task<absl::Status> RepositoryCalls::Load(Call& call,
                                         const inference::RepositoryModelLoadRequest& message,
                                         inference::RepositoryModelLoadResponse&) {
  RequestRecord record(Method::kRepositoryModelLoad, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = CheckAdmin(parts_.admin, call.context().peer());
  if (status.ok()) status = CheckLoad(message);
  if (!status.ok()) co_return record.Answered(std::move(status));
  Task<RepositoryAnswer> work = parts_.repository.Load(parts_.loop, message.model_name(), "");
  const RepositoryAnswer result =
      co_await AwaitRepository(call, parts_.streams, scope_, std::move(work));
  co_return record.Answered(result.status());
}

Task<absl::Status> RepositoryCalls::Unload(Call& call,
                                           const inference::RepositoryModelUnloadRequest& message,
                                           inference::RepositoryModelUnloadResponse&) {
  RequestRecord record(Method::kRepositoryModelUnload, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = CheckAdmin(parts_.admin, call.context().peer());
  if (status.ok()) status = CheckUnload(message);
  if (!status.ok()) co_return record.Answered(std::move(status));
  Task<RepositoryAnswer> work = parts_.repository.Unload(parts_.loop, message.model_name(), "");
  const RepositoryAnswer result =
      co_await AwaitRepository(call, parts_.streams, scope_, std::move(work));
  co_return record.Answered(result.status());
}

}  // namespace predictd::rpc
