#include <algorithm>
#include <cstdio>
#include <string>

#include "client/commands.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/load/bench_options.h"
#include "client/load/infer_request.h"
#include "client/load/load_report.h"
#include "client/load/load_run.h"
#include "client/request_options.h"
#include "client/status_text.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace predictd::client {
namespace {

// A run against nobody would only count failures. Whatever answers may be measured, also a server
// without a health service.
grpc::Status Reach(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout) {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  grpc::health::v1::HealthCheckResponse reply;
  const grpc::Status status =
      grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &reply);
  const bool unreachable =
      NeverConnected(status) || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return unreachable ? status : grpc::Status::OK;
}

// The request's fields beside its user, serialized.
absl::StatusOr<std::string> RestOfRequest(RpcKind kind) {
  if (kind == RpcKind::kBatch) {
    const auto request = BatchRequestFromFlags();
    if (!request.ok()) return request.status();
    return request->SerializeAsString();
  }
  const auto request = PredictRequestFromFlags();
  if (!request.ok()) return request.status();
  return request->SerializeAsString();
}

absl::StatusOr<std::string> InferRequest(const BenchOptions& options, absl::Duration timeout) {
  const auto asked = PredictRequestFromFlags();
  if (!asked.ok()) return asked.status();
  auto request = ParseInferInputs(options.infer_inputs);
  if (options.infer_inputs.empty()) {
    const auto channel = MakeChannel(ConnectionOptionsFromFlags());
    if (!channel.ok()) return channel.status();
    request = AskForInferInputs(*channel, asked->model(), timeout);
  }
  if (!request.ok()) return request.status();
  request->set_model_name(asked->model());
  request->set_model_version(asked->version());
  FillWithZeros(options.load.rpc.batch_rows, *request);
  return request->SerializeAsString();
}

}  // namespace

int RunBench(const Arguments&) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  auto options = BenchOptionsFromFlags();
  if (!options.ok()) return UsageError(options.status().message());
  LoadOptions& load = options->load;
  const bool infer = load.rpc.kind == RpcKind::kInfer;
  const auto rest =
      infer ? InferRequest(*options, connection->timeout) : RestOfRequest(load.rpc.kind);
  if (!rest.ok()) return UsageError(rest.status().message());
  const RequestSource requests(options->users, *rest);
  load.rpc.requests = &requests;
  // An infinite one would overflow the nanoseconds in which the loops count.
  load.timeout = std::min(connection->timeout, absl::Hours(24));

  for (int i = 0; i < options->connections; ++i) {
    const auto channel = MakeChannel(ConnectionOptionsFromFlags());
    if (!channel.ok()) return UsageError(channel.status().message());
    if (const grpc::Status reached = Reach(*channel, connection->timeout); !reached.ok()) {
      return Fail(ExplainFailure(reached, connection->server, connection->timeout));
    }
    load.rpc.channels.push_back(*channel);
  }
  const auto result = RunLoad(load);
  if (!result.ok()) return Fail(result.status().message());
  const std::string report = WantsJson() ? LoadReportJson(load, *result, connection->server)
                                         : LoadReportText(load, *result, connection->server);
  std::fputs(report.c_str(), stdout);
  if (result->tally.good().count() == 0) return Fail("no request was answered OK; see the codes");
  return kExitOk;
}

}  // namespace predictd::client
