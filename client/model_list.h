// The server's models.
#ifndef PREDICTD_CLIENT_MODEL_LIST_H_
#define PREDICTD_CLIENT_MODEL_LIST_H_

#include <grpcpp/support/status.h>

#include "absl/strings/string_view.h"
#include "client/connection.h"
#include "client/model_name.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// One ListModels call.
grpc::Status ListModels(const Connection& connection, v1::ListModelsResponse* models);

// The signature of a version; null where the server does not list it.
const v1::Signature* FindSignature(const v1::ListModelsResponse& models, absl::string_view model,
                                   absl::string_view version);

// The versions that `name` means; all of them where it is empty.
v1::ListModelsResponse Only(const v1::ListModelsResponse& models, const ModelName& name);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_MODEL_LIST_H_
