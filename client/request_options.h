// What the flags ask of a prediction, beside the user.
#ifndef PREDICTD_CLIENT_REQUEST_OPTIONS_H_
#define PREDICTD_CLIENT_REQUEST_OPTIONS_H_

#include "absl/status/statusor.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// A request without its user, from --model, --version, --set, --max_feature_age and
// --idempotency_key. INVALID_ARGUMENT names the flag that is wrong.
absl::StatusOr<v1::PredictRequest> PredictRequestFromFlags();

// The same for a batch, which takes neither --set nor --idempotency_key: INVALID_ARGUMENT.
absl::StatusOr<v1::PredictBatchRequest> BatchRequestFromFlags();

// A request for a user's row, from --max_feature_age.
v1::GetFeaturesRequest FeaturesRequestFromFlags();

// --json
bool WantsJson();

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_REQUEST_OPTIONS_H_
