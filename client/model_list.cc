#include "client/model_list.h"

#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::client {

grpc::Status ListModels(const Connection& connection, v1::ListModelsResponse* models) {
  grpc::ClientContext context;
  SetTimeout(context, connection.timeout);
  return v1::Predictor::NewStub(connection.channel)->ListModels(&context, {}, models);
}

const v1::Signature* FindSignature(const v1::ListModelsResponse& models, absl::string_view model,
                                   absl::string_view version) {
  for (const auto& candidate : models.models()) {
    if (candidate.model() == model && candidate.version() == version) {
      return &candidate.signature();
    }
  }
  return nullptr;
}

v1::ListModelsResponse Only(const v1::ListModelsResponse& models, const ModelName& name) {
  v1::ListModelsResponse some;
  for (const auto& version : models.models()) {
    const bool wanted = (name.model.empty() || version.model() == name.model) &&
                        (name.version.empty() || version.version() == name.version);
    if (wanted) *some.add_models() = version;
  }
  return some;
}

}  // namespace predictd::client
