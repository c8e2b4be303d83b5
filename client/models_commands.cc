#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/time/clock.h"
#include "client/commands.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/model_list.h"
#include "client/request_options.h"
#include "client/status_text.h"
#include "predictd/v1/predictor.grpc.pb.h"

ABSL_FLAG(absl::Duration, load_timeout, absl::Minutes(5),
          "Longest time for `predict load`, which returns once the version is READY");

namespace predictd::client {
namespace {

// The versions as a table, or the whole reply in protobuf's JSON form.
template <typename Reply>
int PrintModels(const Reply& reply) {
  if (!WantsJson()) {
    std::fputs(ModelTable(reply.models(), absl::Now()).c_str(), stdout);
    return kExitOk;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(reply, &json, options).ok()) {
    return Fail("the server's answer has no JSON form; ask without --json");
  }
  std::fprintf(stdout, "%s\n", json.c_str());
  return kExitOk;
}

template <typename Request>
Request RequestOf(const Arguments& arguments) {
  Request request;
  request.set_model(arguments[0]);
  if (arguments.size() > 1) request.set_version(arguments[1]);
  return request;
}

}  // namespace

int RunModels(const Arguments&) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  v1::ListModelsResponse reply;
  const grpc::Status status = ListModels(*connection, &reply);
  if (!status.ok()) {
    return Fail(ExplainFailure(status, connection->server, connection->timeout));
  }
  return PrintModels(reply);
}

int RunLoad(const Arguments& arguments) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  const absl::Duration timeout = absl::GetFlag(FLAGS_load_timeout);
  if (timeout <= absl::ZeroDuration()) return UsageError("--load_timeout must be above 0");
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  v1::LoadModelResponse reply;
  const grpc::Status status =
      v1::Predictor::NewStub(connection->channel)
          ->LoadModel(&context, RequestOf<v1::LoadModelRequest>(arguments), &reply);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Fail("'" + arguments[0] + "' is not READY after " + absl::FormatDuration(timeout) +
                "; see 'predict models', or pass a longer --load_timeout");
  }
  if (!status.ok()) return Fail(ExplainFailure(status, connection->server, timeout));
  return PrintModels(reply);
}

int RunUnload(const Arguments& arguments) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  grpc::ClientContext context;
  SetTimeout(context, connection->timeout);
  v1::UnloadModelResponse reply;
  const grpc::Status status =
      v1::Predictor::NewStub(connection->channel)
          ->UnloadModel(&context, RequestOf<v1::UnloadModelRequest>(arguments), &reply);
  if (!status.ok()) {
    return Fail(ExplainFailure(status, connection->server, connection->timeout));
  }
  return PrintModels(reply);
}

}  // namespace predictd::client
