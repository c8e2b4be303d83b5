// Load on models whose version V answers with V times the row: shows which version answered.
#ifndef PREDICTD_TESTS_INTEGRATION_MODELS_FACTOR_LOAD_H_
#define PREDICTD_TESTS_INTEGRATION_MODELS_FACTOR_LOAD_H_

#include <string>

#include "tests/integration/faults/load.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {

// One feature, which comes with the request.
inline ModelSpec FactorModel(int version) { return Sum(1, static_cast<float>(version)); }

// Load of many users on a server's only model; an answer whose output is not that of the version it
// names is wrong.
inline Load::Options FactorLoad() {
  Load::Options options;
  options.request = [](int64_t number, v1::PredictRequest& request) {
    request.set_user_id("u" + std::to_string(number % 1000));
    (*request.mutable_features())["f0"] = static_cast<float>(number % 1000);
  };
  options.check = [](const v1::PredictRequest& request, const v1::PredictResponse& response) {
    const float expected = request.features().at("f0") * std::stof(response.version());
    return response.outputs_size() == 1 && response.outputs(0) == expected
               ? ""
               : response.ShortDebugString();
  };
  return options;
}

// What names model `m` and no version is answered by this one; the error's text where there is
// none.
inline std::string ServedVersion(PredictdProcess& server) {
  const auto answer = server.Predict("u", {{"f0", 1}}, "m");
  return answer.ok() ? answer.response.version() : answer.message();
}

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_MODELS_FACTOR_LOAD_H_
