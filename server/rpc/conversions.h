// Messages of predictd.v1 to the plain values of the line, and back.
#ifndef PREDICTD_SERVER_RPC_CONVERSIONS_H_
#define PREDICTD_SERVER_RPC_CONVERSIONS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "predictd/v1/predictor.pb.h"
#include "server/base/feature_record.h"
#include "server/base/prediction.h"
#include "server/predict/feature_store.h"
#include "server/predict/predictor.h"
#include "server/predict/request.h"
#include "server/repository/catalog.h"

namespace predictd::rpc {

// The result's views look into `message`.
predict::Request ToRequest(const v1::PredictRequest& message);
predict::Request ToRequest(const v1::PredictBatchRequest& message);

std::vector<FeatureRecord> ToRecords(const v1::PutFeaturesRequest& message);
// Infinite where the caller takes any.
absl::Duration MaxFeatureAge(const v1::GetFeaturesRequest& message);

// All but request_id.
void FillResponse(const predict::Answer& answer, v1::PredictResponse& message);
void FillResponse(predict::BatchAnswer answer, v1::PredictBatchResponse& message);
void FillResponse(const Prediction& prediction, v1::GetPredictionResponse& message);

// `rows`: what became of each.
void FillResponse(const std::vector<absl::Status>& rows, v1::PutFeaturesResponse& message);
// All but user_id.
void FillResponse(const predict::StoredRow& found, v1::GetFeaturesResponse& message);

void FillModelVersion(absl::string_view model, const repository::VersionInfo& version,
                      v1::ModelVersion& message);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_CONVERSIONS_H_
