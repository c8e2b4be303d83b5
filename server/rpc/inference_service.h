// inference.GRPCInferenceService on one loop.
#ifndef PREDICTD_SERVER_RPC_INFERENCE_SERVICE_H_
#define PREDICTD_SERVER_RPC_INFERENCE_SERVICE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/async/scope.h"
#include "server/rpc/infer_calls.h"
#include "server/rpc/inference_parts.h"
#include "server/rpc/repository_calls.h"
#include "server/rpc/unary.h"

namespace predictd::rpc {

// Loop's thread only. Destroyed when Done.
class InferenceService {
 public:
  explicit InferenceService(const InferenceParts& parts);

  // Starts taking calls.
  void Start();
  // As PredictorService::Done.
  auto Done() { return scope_.Done(); }

 private:
  template <typename RequestMessage, typename ResponseMessage>
  using Unary =
      UnaryMethod<inference::GRPCInferenceService::AsyncService, RequestMessage, ResponseMessage>;

  // A method that answers at once.
  template <typename RequestMessage, typename ResponseMessage>
  using Read = absl::Status (InferenceService::*)(const RequestMessage&, ResponseMessage&) const;
  template <typename RequestMessage, typename ResponseMessage>
  Task<absl::Status> Answer(Method method, Read<RequestMessage, ResponseMessage> read,
                            const RequestMessage& message, ResponseMessage& response);
  template <typename RequestMessage, typename ResponseMessage>
  auto Reading(Method method, Read<RequestMessage, ResponseMessage> read) {
    return [this, method, read](Call&, const RequestMessage& message, ResponseMessage& response) {
      return Answer(method, read, message, response);
    };
  }

  // A version and the model that it is one of.
  struct Described {
    repository::VersionHandle version;
    repository::ModelInfo model;
  };
  // As Catalog::Find, but an empty version is never the canary by chance.
  absl::StatusOr<Described> Describe(absl::string_view name, absl::string_view version) const;

  absl::Status ServerLive(const inference::ServerLiveRequest& message,
                          inference::ServerLiveResponse& response) const;
  absl::Status ServerReady(const inference::ServerReadyRequest& message,
                           inference::ServerReadyResponse& response) const;
  absl::Status ServerMetadata(const inference::ServerMetadataRequest& message,
                              inference::ServerMetadataResponse& response) const;
  absl::Status ModelReady(const inference::ModelReadyRequest& message,
                          inference::ModelReadyResponse& response) const;
  absl::Status ModelMetadata(const inference::ModelMetadataRequest& message,
                             inference::ModelMetadataResponse& response) const;
  absl::Status ModelConfig(const inference::ModelConfigRequest& message,
                           inference::ModelConfigResponse& response) const;
  absl::Status ModelStatistics(const inference::ModelStatisticsRequest& message,
                               inference::ModelStatisticsResponse& response) const;

  const InferenceParts parts_;
  Scope scope_;
  Unary<inference::ServerLiveRequest, inference::ServerLiveResponse> server_live_;
  Unary<inference::ServerReadyRequest, inference::ServerReadyResponse> server_ready_;
  Unary<inference::ServerMetadataRequest, inference::ServerMetadataResponse> server_metadata_;
  Unary<inference::ModelReadyRequest, inference::ModelReadyResponse> model_ready_;
  Unary<inference::ModelMetadataRequest, inference::ModelMetadataResponse> model_metadata_;
  Unary<inference::ModelConfigRequest, inference::ModelConfigResponse> model_config_;
  Unary<inference::ModelStatisticsRequest, inference::ModelStatisticsResponse> model_statistics_;
  InferCalls infer_;
  RepositoryCalls repository_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_INFERENCE_SERVICE_H_
