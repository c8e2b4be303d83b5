#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/feature_list.h"
#include "client/request_options.h"
#include "client/text.h"

ABSL_FLAG(std::string, model, "", "Model to ask; empty = the server's default model");
ABSL_FLAG(std::string, version, "", "Version of the model; empty = the newest that is READY");
ABSL_FLAG(std::string, set, "",
          "Features that override or complete the stored row: NAME=NUMBER,NAME=NUMBER");
ABSL_FLAG(absl::Duration, max_feature_age, absl::InfiniteDuration(),
          "Oldest acceptable stored row, such as 30s; 0 = read the database; inf = any age");
ABSL_FLAG(std::string, idempotency_key, "",
          "Of several calls with one key, the first is saved; empty = every call is");
ABSL_FLAG(bool, json, false, "Print JSON rather than text");

namespace predictd::client {
namespace {

template <typename Request>
void SetMaxFeatureAge(Request& request) {
  const absl::Duration age = absl::GetFlag(FLAGS_max_feature_age);
  if (age != absl::InfiniteDuration()) *request.mutable_max_feature_age() = ToProto(age);
}

template <typename Request>
Request CommonFields() {
  Request request;
  request.set_model(absl::GetFlag(FLAGS_model));
  request.set_version(absl::GetFlag(FLAGS_version));
  SetMaxFeatureAge(request);
  return request;
}

}  // namespace

absl::StatusOr<v1::PredictRequest> PredictRequestFromFlags() {
  const auto features = ParseFeatureList(absl::GetFlag(FLAGS_set));
  if (!features.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--set: ", features.status().message()));
  }
  auto request = CommonFields<v1::PredictRequest>();
  for (const auto& [name, value] : *features) (*request.mutable_features())[name] = value;
  request.set_idempotency_key(absl::GetFlag(FLAGS_idempotency_key));
  return request;
}

absl::StatusOr<v1::PredictBatchRequest> BatchRequestFromFlags() {
  if (!absl::GetFlag(FLAGS_set).empty() || !absl::GetFlag(FLAGS_idempotency_key).empty()) {
    return absl::InvalidArgumentError("a batch takes no --set and no --idempotency_key; omit them");
  }
  return CommonFields<v1::PredictBatchRequest>();
}

v1::GetFeaturesRequest FeaturesRequestFromFlags() {
  v1::GetFeaturesRequest request;
  SetMaxFeatureAge(request);
  return request;
}

bool WantsJson() { return absl::GetFlag(FLAGS_json); }

}  // namespace predictd::client
