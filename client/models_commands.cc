#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "client/commands.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/model_list.h"
#include "client/model_name.h"
#include "client/models_text.h"
#include "client/models_watch.h"
#include "client/status_text.h"
#include "predictd/v1/predictor.grpc.pb.h"

ABSL_FLAG(absl::Duration, load_timeout, absl::Minutes(5),
          "Longest time for `predict load`, which returns once the version is READY");

namespace predictd::client {
namespace {

template <typename Reply>
int PrintModels(const Reply& reply, bool signatures) {
  std::fputs(ModelsText(reply, signatures).c_str(), stdout);
  return kExitOk;
}

template <typename Request>
Request RequestOf(const ModelName& name) {
  Request request;
  request.set_model(name.model);
  request.set_version(name.version);
  return request;
}

int FailAdmin(const grpc::Status& status, const Connection& connection, absl::Duration timeout) {
  const std::string line = ExplainFailure(status, connection.server, timeout);
  switch (status.error_code()) {
    case grpc::StatusCode::NOT_FOUND:
      return Fail(line + "; 'predict models' lists what is there");
    case grpc::StatusCode::FAILED_PRECONDITION:
      return Fail(line + "; it is tried again when its files change, or by 'predict load'");
    default:
      return Fail(line);
  }
}

}  // namespace

int RunModels(const Arguments& arguments) {
  const auto name = ParseModelName(arguments);
  if (!name.ok()) return UsageError(name.status().message());
  if (WantsWatch()) return WatchModels(*name);
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  v1::ListModelsResponse reply;
  const grpc::Status status = ListModels(*connection, &reply);
  if (!status.ok()) {
    return Fail(ExplainFailure(status, connection->server, connection->timeout));
  }
  const v1::ListModelsResponse some = Only(reply, *name);
  if (some.models().empty() && !name->model.empty()) {
    return Fail(absl::StrCat("the server has no '", ModelNameText(*name),
                             "'; 'predict models' lists what is there"));
  }
  return PrintModels(some, /*signatures=*/!name->model.empty());
}

int RunLoad(const Arguments& arguments) {
  const auto name = ParseModelName(arguments);
  if (!name.ok()) return UsageError(name.status().message());
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  const absl::Duration timeout = absl::GetFlag(FLAGS_load_timeout);
  if (timeout <= absl::ZeroDuration()) return UsageError("--load_timeout must be above 0");
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  v1::LoadModelResponse reply;
  const grpc::Status status =
      v1::Predictor::NewStub(connection->channel)
          ->LoadModel(&context, RequestOf<v1::LoadModelRequest>(*name), &reply);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Fail("'" + ModelNameText(*name) + "' is not READY after " +
                absl::FormatDuration(timeout) +
                "; see 'predict models', or pass a longer --load_timeout");
  }
  if (!status.ok()) return FailAdmin(status, *connection, timeout);
  return PrintModels(reply, /*signatures=*/false);
}

int RunUnload(const Arguments& arguments) {
  const auto name = ParseModelName(arguments);
  if (!name.ok()) return UsageError(name.status().message());
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  grpc::ClientContext context;
  SetTimeout(context, connection->timeout);
  v1::UnloadModelResponse reply;
  const grpc::Status status =
      v1::Predictor::NewStub(connection->channel)
          ->UnloadModel(&context, RequestOf<v1::UnloadModelRequest>(*name), &reply);
  if (!status.ok()) return FailAdmin(status, *connection, connection->timeout);
  return PrintModels(reply, /*signatures=*/false);
}

}  // namespace predictd::client
