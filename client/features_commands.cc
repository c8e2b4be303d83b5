#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/commands.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/feature_csv.h"
#include "client/features_put.h"
#include "client/features_text.h"
#include "client/input_file.h"
#include "client/request_options.h"
#include "client/status_text.h"
#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::client {
namespace {

int RunPut(const Connection& connection, const std::string& path) {
  if (path == "-") {
    std::ios::sync_with_stdio(false);
    return PutFeatures(connection, std::cin, "stdin", std::nullopt);
  }
  absl::StatusOr<std::ifstream> file = OpenInput(path, "pass a CSV file");
  if (!file.ok()) return UsageError(file.status().message());
  return PutFeatures(connection, *file, path, CountForBar(*file, path, CountRows));
}

int RunGet(const Connection& connection, const std::string& user_id) {
  v1::GetFeaturesRequest request = FeaturesRequestFromFlags();
  request.set_user_id(user_id);
  grpc::ClientContext context;
  SetTimeout(context, connection.timeout);
  v1::GetFeaturesResponse row;
  const grpc::Status status =
      v1::Predictor::NewStub(connection.channel)->GetFeatures(&context, request, &row);
  if (!status.ok()) return Fail(ExplainFailure(status, connection.server, connection.timeout));
  const std::string text = WantsJson() ? absl::StrCat(FeaturesJson(row), "\n") : FeaturesText(row);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

}  // namespace

int RunFeatures(const Arguments& arguments) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  if (arguments[0] == "put") {
    if (WantsJson()) return UsageError("'predict features put' has no answer in JSON; omit --json");
    return RunPut(*connection, arguments.size() > 1 ? arguments[1] : "-");
  }
  if (arguments[0] == "get" && arguments.size() == 2) return RunGet(*connection, arguments[1]);
  return UsageError(
      "write: predict features put [FILE], or: predict features get USER_ID; see 'predict help'");
}

}  // namespace predictd::client
