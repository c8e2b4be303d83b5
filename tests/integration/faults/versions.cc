#include "tests/integration/faults/versions.h"

#include <string>

namespace predictd::integration {
namespace {

std::string OwnVersion(const v1::PredictRequest& request, const v1::PredictResponse& response) {
  const int user = std::stoi(request.user_id().substr(1));
  double sum = 0;
  for (int f = 0; f < kFeatures; ++f) sum += FeatureTable::Distinct(user, f);
  const bool own =
      response.outputs_size() == 1 && response.outputs(0) == sum * std::stoi(response.version());
  return own ? "" : "answer of " + request.user_id() + ": " + response.ShortDebugString();
}

}  // namespace

void AddVersion(ModelRepository& models, int version) {
  models.Add("s", version, Sum(kFeatures, static_cast<float>(version)));
}

Load::Options VersionLoad() {
  Load::Options options;
  options.request = [](int64_t number, v1::PredictRequest& request) {
    AskForUser(number, request);
    request.set_model("s");
  };
  options.check = OwnVersion;
  return options;
}

}  // namespace predictd::integration
