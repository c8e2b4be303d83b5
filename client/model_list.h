// The server's models.
#ifndef PREDICTD_CLIENT_MODEL_LIST_H_
#define PREDICTD_CLIENT_MODEL_LIST_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/connection.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// One ListModels call.
grpc::Status ListModels(const Connection& connection, v1::ListModelsResponse* models);

// The signature of a version; null where the server does not list it.
const v1::Signature* FindSignature(const v1::ListModelsResponse& models, absl::string_view model,
                                   absl::string_view version);

// The table that `predict models` prints; loaded times are ages at `now`.
std::string ModelTable(const google::protobuf::RepeatedPtrField<v1::ModelVersion>& models,
                       absl::Time now);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_MODEL_LIST_H_
