#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "client/commands.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/model_list.h"
#include "client/output_names.h"
#include "client/prediction_text.h"
#include "client/request_options.h"
#include "client/status_text.h"
#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::client {
namespace {

// Names only make the print nicer: without ListModels the outputs are numbered.
std::vector<std::string> NamesOf(const Connection& connection, const std::string& model,
                                 const std::string& version, int outputs) {
  v1::ListModelsResponse models;
  const bool listed = ListModels(connection, &models).ok();
  return OutputNames(listed ? FindSignature(models, model, version) : nullptr, outputs);
}

void PrintLine(const std::string& text) { std::fprintf(stdout, "%s\n", text.c_str()); }

}  // namespace

int RunUser(const Arguments& arguments) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  auto request = PredictRequestFromFlags();
  if (!request.ok()) return UsageError(request.status().message());
  request->set_user_id(arguments[0]);

  grpc::ClientContext context;
  SetTimeout(context, connection->timeout);
  v1::PredictResponse reply;
  const grpc::Status status =
      v1::Predictor::NewStub(connection->channel)->Predict(&context, *request, &reply);
  if (!status.ok()) {
    return Fail(ExplainFailure(status, connection->server, connection->timeout));
  }
  const auto names = NamesOf(*connection, reply.model(), reply.version(), reply.outputs_size());
  if (WantsJson()) {
    PrintLine(PredictionJson(arguments[0], reply, names));
  } else {
    std::fputs(PredictionText(reply, names).c_str(), stdout);
  }
  return kExitOk;
}

int RunSaved(const Arguments& arguments) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  grpc::ClientContext context;
  SetTimeout(context, connection->timeout);
  v1::GetPredictionRequest request;
  request.set_prediction_id(arguments[0]);
  v1::GetPredictionResponse saved;
  const grpc::Status status =
      v1::Predictor::NewStub(connection->channel)->GetPrediction(&context, request, &saved);
  if (!status.ok()) {
    return Fail(ExplainFailure(status, connection->server, connection->timeout));
  }
  const auto names = NamesOf(*connection, saved.model(), saved.version(), saved.outputs_size());
  if (WantsJson()) {
    PrintLine(SavedJson(saved, names));
  } else {
    std::fputs(SavedText(saved, names, absl::Now()).c_str(), stdout);
  }
  return kExitOk;
}

}  // namespace predictd::client
