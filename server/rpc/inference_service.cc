#include "server/rpc/inference_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"
#include "server/rpc/inference_metadata.h"
#include "server/rpc/request_record.h"

namespace predictd::rpc {
namespace {

constexpr int kSpare = 2;

using Async = inference::GRPCInferenceService::AsyncService;

// By the names that common clients know. Each is served in full, the first ones to whom --admin
// allows.
constexpr absl::string_view kAdminExtensions[] = {"model_repository",
                                                  "model_repository(unload_dependents)"};
constexpr absl::string_view kExtensions[] = {"model_configuration", "statistics"};

}  // namespace

InferenceService::InferenceService(const InferenceParts& parts)
    : parts_(parts),
      server_live_(parts.loop, scope_, parts.service, &Async::RequestServerLive, kSpare,
                   Reading(Method::kServerLive, &InferenceService::ServerLive)),
      server_ready_(parts.loop, scope_, parts.service, &Async::RequestServerReady, kSpare,
                    Reading(Method::kServerReady, &InferenceService::ServerReady)),
      server_metadata_(parts.loop, scope_, parts.service, &Async::RequestServerMetadata, kSpare,
                       Reading(Method::kServerMetadata, &InferenceService::ServerMetadata)),
      model_ready_(parts.loop, scope_, parts.service, &Async::RequestModelReady, kSpare,
                   Reading(Method::kModelReady, &InferenceService::ModelReady)),
      model_metadata_(parts.loop, scope_, parts.service, &Async::RequestModelMetadata, kSpare,
                      Reading(Method::kModelMetadata, &InferenceService::ModelMetadata)),
      model_config_(parts.loop, scope_, parts.service, &Async::RequestModelConfig, kSpare,
                    Reading(Method::kModelConfig, &InferenceService::ModelConfig)),
      model_statistics_(parts.loop, scope_, parts.service, &Async::RequestModelStatistics, kSpare,
                        Reading(Method::kModelStatistics, &InferenceService::ModelStatistics)),
      infer_(parts, scope_),
      repository_(parts, scope_) {}

void InferenceService::Start() {
  server_live_.Start();
  server_ready_.Start();
  server_metadata_.Start();
  model_ready_.Start();
  model_metadata_.Start();
  model_config_.Start();
  model_statistics_.Start();
  infer_.Start();
  repository_.Start();
}

template <typename RequestMessage, typename ResponseMessage>
Task<absl::Status> InferenceService::Answer(Method method,
                                            Read<RequestMessage, ResponseMessage> read,
                                            const RequestMessage& message,
                                            ResponseMessage& response) {
  RequestRecord record(method, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = (this->*read)(message, response);
  co_return record.Answered(std::move(status));
}

absl::StatusOr<InferenceService::Described> InferenceService::Describe(
    absl::string_view name, absl::string_view version) const {
  absl::StatusOr<repository::VersionHandle> found = parts_.catalog.Find(name, version);
  PREDICTD_RETURN_IF_ERROR(found.status());
  Described described{*std::move(found), {}};
  const std::shared_ptr<const repository::Snapshot> now = parts_.catalog.snapshot();
  const auto model = now->models.find(described.version->model);
  // Gone from disk since it was found: it has no version that could be asked for.
  if (model == now->models.end()) return described;
  described.model = model->second;
  const repository::VersionInfo* const serving = described.model.Serving();
  if (version.empty() && serving != nullptr) described.version = serving->handle;
  return described;
}

absl::Status InferenceService::ServerLive(const inference::ServerLiveRequest&,
                                          inference::ServerLiveResponse& response) const {
  response.set_live(true);
  return absl::OkStatus();
}

absl::Status InferenceService::ServerReady(const inference::ServerReadyRequest&,
                                           inference::ServerReadyResponse& response) const {
  response.set_ready(parts_.catalog.Ready() && !parts_.state.lame_duck);
  return absl::OkStatus();
}

absl::Status InferenceService::ServerMetadata(const inference::ServerMetadataRequest&,
                                              inference::ServerMetadataResponse& response) const {
  response.set_name("predictd");
  response.set_version(parts_.facts.version);
  if (parts_.admin != AdminAccess::kOff) {
    for (const absl::string_view extension : kAdminExtensions) {
      response.add_extensions(extension.data(), extension.size());
    }
  }
  for (const absl::string_view extension : kExtensions) {
    response.add_extensions(extension.data(), extension.size());
  }
  return absl::OkStatus();
}

absl::Status InferenceService::ModelReady(const inference::ModelReadyRequest& message,
                                          inference::ModelReadyResponse& response) const {
  const absl::Status found = parts_.catalog.Find(message.name(), message.version()).status();
  // None is named, and several are there.
  if (absl::IsInvalidArgument(found)) return found;
  response.set_ready(found.ok() && !parts_.state.lame_duck);
  return absl::OkStatus();
}

absl::Status InferenceService::ModelMetadata(const inference::ModelMetadataRequest& message,
                                             inference::ModelMetadataResponse& response) const {
  const absl::StatusOr<Described> found = Describe(message.name(), message.version());
  PREDICTD_RETURN_IF_ERROR(found.status());
  FillMetadata(found->model, *found->version, response);
  return absl::OkStatus();
}

absl::Status InferenceService::ModelConfig(const inference::ModelConfigRequest& message,
                                           inference::ModelConfigResponse& response) const {
  const absl::StatusOr<Described> found = Describe(message.name(), message.version());
  PREDICTD_RETURN_IF_ERROR(found.status());
  FillConfig(found->model.policy, *found->version, parts_.facts.workers,
             *response.mutable_config());
  return absl::OkStatus();
}

absl::Status InferenceService::ModelStatistics(const inference::ModelStatisticsRequest& message,
                                               inference::ModelStatisticsResponse& response) const {
  if (!message.version().empty()) {
    const auto version = parts_.catalog.Find(message.name(), message.version());
    PREDICTD_RETURN_IF_ERROR(version.status());
    FillStatistics(**version, *response.add_model_stats());
    return absl::OkStatus();
  }
  const std::shared_ptr<const repository::Snapshot> now = parts_.catalog.snapshot();
  if (!message.name().empty() && !now->models.contains(message.name())) {
    return parts_.catalog.Find(message.name(), "").status();
  }
  for (const auto& [name, model] : now->models) {
    if (!message.name().empty() && name != message.name()) continue;
    for (const repository::VersionInfo& version : model.versions) {
      if (version.handle != nullptr) FillStatistics(*version.handle, *response.add_model_stats());
    }
  }
  return absl::OkStatus();
}

}  // namespace predictd::rpc
