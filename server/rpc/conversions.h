// Messages of predictd.v1 to the plain values of the line, and back.
#ifndef PREDICTD_SERVER_RPC_CONVERSIONS_H_
#define PREDICTD_SERVER_RPC_CONVERSIONS_H_

#include "absl/strings/string_view.h"
#include "predictd/v1/predictor.pb.h"
#include "server/base/prediction.h"
#include "server/predict/predictor.h"
#include "server/predict/request.h"
#include "server/repository/catalog.h"

namespace predictd::rpc {

// The result's views look into `message`.
predict::Request ToRequest(const v1::PredictRequest& message);
predict::Request ToRequest(const v1::PredictBatchRequest& message);

// All but request_id.
void FillResponse(const predict::Answer& answer, v1::PredictResponse& message);
// `with_ids`: predictions are saved.
void FillResponse(const predict::BatchAnswer& answer, bool with_ids,
                  v1::PredictBatchResponse& message);
void FillResponse(const Prediction& prediction, v1::GetPredictionResponse& message);

void FillModelVersion(absl::string_view model, const repository::VersionInfo& version,
                      v1::ModelVersion& message);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_CONVERSIONS_H_
