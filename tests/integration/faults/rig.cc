#include "tests/integration/faults/rig.h"

#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"

namespace predictd::integration {
namespace {

// gRPC looks at the connections of idle stubs only now and then: often enough here for a server's
// goodbye to be answered before it stops waiting.
[[maybe_unused]] const int look_often =
    ::setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "20", 1);

}  // namespace

Rig::Rig() { models.Add("m", 1, Identity(kFeatures)); }

std::vector<std::string> Rig::Flags(const std::vector<std::string>& more) const {
  std::vector<std::string> flags = {"--models=" + models.path(),
                                    "--feature_source=" + users.source(),
                                    "--feature_source_timeout=10s",
                                    "--event_loops=2",
                                    "--min_event_loops=2",
                                    "--workers=2",
                                    "--max_batch=16",
                                    "--local_cache_mb=0"};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

void AskForUser(int64_t number, v1::PredictRequest& request) {
  request.set_user_id(absl::StrCat("u", number % kUsers));
}

std::string OwnRow(const v1::PredictRequest& request, const v1::PredictResponse& response) {
  const int user = std::stoi(request.user_id().substr(1));
  bool own = response.outputs_size() == kFeatures;
  for (int feature = 0; own && feature < kFeatures; ++feature) {
    own = response.outputs(feature) == FeatureTable::Distinct(user, feature);
  }
  if (own) return "";
  return absl::StrCat("answer of ", request.user_id(), ": ", response.ShortDebugString());
}

Load::Options OwnRowLoad() { return {.request = AskForUser, .check = OwnRow}; }

void CheckUndisturbed(const Load::Result& result) {
  INFO(result.problem);
  CHECK(result.ok() > 0);
  CHECK(result.failed() == 0);
  CHECK(result.wrong == 0);
  CHECK(result.longest < kBound);
}

void CheckSteady(PredictdProcess& predictd, const std::string& model) {
  v1::PredictRequest request;
  request.set_user_id("u1");
  request.set_model(model);
  CheckSteady(predictd, request);
}

void CheckSteady(PredictdProcess& predictd, const v1::PredictRequest& request) {
  REQUIRE_FALSE(predictd.WaitForExit(absl::ZeroDuration()).has_value());
  CHECK(WaitUntil([&] { return predictd.Predict(request).ok(); }, kRepair));
  CHECK(WaitUntil([&] { return predictd.Metric("predictd_in_flight_requests") == 0; }));
}

bool WaitForOrigin(PredictdProcess& predictd, v1::FeatureOrigin origin, absl::Duration limit) {
  return WaitUntil(
      [&] {
        const auto answer = predictd.Predict("u7");
        return answer.ok() && answer.response.feature_origin() == origin;
      },
      limit);
}

double StoreErrors(PredictdProcess& predictd, const std::string& store, const std::string& kind) {
  return predictd.Metric(
      absl::StrCat("predictd_feature_errors_total{store=\"", store, "\",kind=\"", kind, "\"}"));
}

int LogLines(PredictdProcess& predictd, const std::string& text) {
  const std::string log = predictd.Log();
  int count = 0;
  for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
  return count;
}

}  // namespace predictd::integration
