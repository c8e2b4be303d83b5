// Predictions as `predict USER_ID` and `predict saved` print them.
#ifndef PREDICTD_CLIENT_PREDICTION_TEXT_H_
#define PREDICTD_CLIENT_PREDICTION_TEXT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// Two columns: first the outputs by name, then a blank line, then where they come from:
//
//   probability  0.73125
//
//   model        churn/3
//   features     Redis, 2.4s old
//
// `names` has one name per output.
std::string PredictionText(const v1::PredictResponse& reply, const std::vector<std::string>& names);
std::string PredictionJson(const std::string& user_id, const v1::PredictResponse& reply,
                           const std::vector<std::string>& names);

std::string SavedText(const v1::GetPredictionResponse& saved, const std::vector<std::string>& names,
                      absl::Time now);
std::string SavedJson(const v1::GetPredictionResponse& saved,
                      const std::vector<std::string>& names);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_PREDICTION_TEXT_H_
