// RepositoryIndex, RepositoryModelLoad and RepositoryModelUnload of inference.GRPCInferenceService
// on one loop.
#ifndef PREDICTD_SERVER_RPC_REPOSITORY_CALLS_H_
#define PREDICTD_SERVER_RPC_REPOSITORY_CALLS_H_

#include "absl/status/status.h"
#include "server/async/scope.h"
#include "server/rpc/inference_parts.h"
#include "server/rpc/unary.h"

namespace predictd::rpc {

// INVALID_ARGUMENT, which names the field, where the message asks for more than there is.
absl::Status CheckLoad(const inference::RepositoryModelLoadRequest& message);
absl::Status CheckUnload(const inference::RepositoryModelUnloadRequest& message);

// Loop's thread only; outlives the scope's tasks.
class RepositoryCalls {
 public:
  RepositoryCalls(const InferenceParts& parts, Scope& scope);

  // Starts taking calls.
  void Start();

 private:
  template <typename RequestMessage, typename ResponseMessage>
  using Unary =
      UnaryMethod<inference::GRPCInferenceService::AsyncService, RequestMessage, ResponseMessage>;

  Task<absl::Status> Index(Call& call, const inference::RepositoryIndexRequest& message,
                           inference::RepositoryIndexResponse& response);
  Task<absl::Status> Load(Call& call, const inference::RepositoryModelLoadRequest& message,
                          inference::RepositoryModelLoadResponse& response);
  Task<absl::Status> Unload(Call& call, const inference::RepositoryModelUnloadRequest& message,
                            inference::RepositoryModelUnloadResponse& response);

  const InferenceParts parts_;
  Scope& scope_;
  Unary<inference::RepositoryIndexRequest, inference::RepositoryIndexResponse> index_;
  Unary<inference::RepositoryModelLoadRequest, inference::RepositoryModelLoadResponse> load_;
  Unary<inference::RepositoryModelUnloadRequest, inference::RepositoryModelUnloadResponse> unload_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_REPOSITORY_CALLS_H_
