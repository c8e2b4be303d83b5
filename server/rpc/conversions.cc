#include "server/rpc/conversions.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "server/base/utf8.h"
#include "server/predict/row_tensors.h"
#include "server/rpc/status_mapping.h"

namespace predictd::rpc {
namespace {

// One that breaks the rules of duration.proto (nanos of the other sign, or a second and more) is
// negative, whatever it says: no age can be.
absl::Duration ToAge(const google::protobuf::Duration& message) {
  constexpr int32_t kSecond = 1'000'000'000;
  if (message.nanos() <= -kSecond || message.nanos() >= kSecond ||
      (message.seconds() > 0 && message.nanos() < 0)) {
    return -absl::InfiniteDuration();
  }
  return absl::Seconds(message.seconds()) + absl::Nanoseconds(message.nanos());
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& message) {
  message.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  message.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& message) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  message.set_seconds(seconds);
  message.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

void FillRowError(size_t row, const absl::Status& status, v1::RowError& message) {
  message.set_row(static_cast<uint32_t>(row));
  *message.mutable_status() = ToMessage(status);
}

}  // namespace

predict::Request ToRequest(const v1::PredictRequest& message) {
  predict::Request request;
  request.user_id = message.user_id();
  request.model = message.model();
  request.version = message.version();
  request.idempotency_key = message.idempotency_key();
  if (message.has_max_feature_age()) {
    request.max_feature_age = ToAge(message.max_feature_age());
  }
  request.features.reserve(message.features().size());
  for (const auto& [name, value] : message.features()) request.features.emplace_back(name, value);
  return request;
}

predict::Request ToRequest(const v1::PredictBatchRequest& message) {
  predict::Request request;
  request.model = message.model();
  request.version = message.version();
  if (message.has_max_feature_age()) {
    request.max_feature_age = ToAge(message.max_feature_age());
  }
  return request;
}

std::vector<FeatureRecord> ToRecords(const v1::PutFeaturesRequest& message) {
  std::vector<FeatureRecord> records;
  records.reserve(message.rows_size());
  for (const v1::FeatureRow& row : message.rows()) {
    records.push_back({row.user_id(), {row.values().begin(), row.values().end()}});
  }
  return records;
}

absl::Duration MaxFeatureAge(const v1::GetFeaturesRequest& message) {
  return message.has_max_feature_age() ? ToAge(message.max_feature_age())
                                       : absl::InfiniteDuration();
}

void FillResponse(const predict::Answer& answer, v1::PredictResponse& message) {
  message.mutable_outputs()->Assign(answer.outputs.begin(), answer.outputs.end());
  message.set_model(answer.version->model);
  message.set_version(answer.version->version);
  message.set_feature_origin(static_cast<v1::FeatureOrigin>(answer.origin));
  if (answer.feature_age != absl::InfiniteDuration()) {
    SetDuration(answer.feature_age, *message.mutable_feature_age());
  }
  for (const int position : answer.missing) {
    message.add_missing_features(answer.version->features->names()[position]);
  }
  message.set_prediction_id(answer.prediction_id);
}

void FillResponse(predict::BatchAnswer answer, v1::PredictBatchResponse& message) {
  message.set_model(answer.version->model);
  message.set_version(answer.version->version);
  message.set_outputs_per_row(predict::OutputsPerRow(answer.version->lane->options()));
  message.mutable_outputs()->Assign(answer.outputs.begin(), answer.outputs.end());
  for (const auto& [row, status] : answer.errors) {
    FillRowError(row, status, *message.add_errors());
  }
  message.mutable_prediction_ids()->Reserve(static_cast<int>(answer.prediction_ids.size()));
  for (std::string& id : answer.prediction_ids) message.add_prediction_ids(std::move(id));
}

void FillResponse(const Prediction& prediction, v1::GetPredictionResponse& message) {
  message.set_prediction_id(prediction.prediction_id);
  message.set_idempotency_key(prediction.idempotency_key);
  message.set_user_id(prediction.user_id);
  message.set_model(prediction.model);
  message.set_version(prediction.version);
  for (size_t i = 0; i < prediction.features.size(); ++i) {
    (*message.mutable_features())[prediction.schema->names()[i]] = prediction.features[i];
  }
  message.mutable_outputs()->Assign(prediction.outputs.begin(), prediction.outputs.end());
  message.set_feature_origin(static_cast<v1::FeatureOrigin>(prediction.feature_origin));
  SetTimestamp(prediction.created_at, *message.mutable_created_at());
}

void FillResponse(const std::vector<absl::Status>& rows, v1::PutFeaturesResponse& message) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].ok()) FillRowError(i, rows[i], *message.add_errors());
  }
  message.set_written(static_cast<uint32_t>(rows.size()) -
                      static_cast<uint32_t>(message.errors_size()));
}

void FillResponse(const predict::StoredRow& found, v1::GetFeaturesResponse& message) {
  for (size_t i = 0; i < found.row.values.size(); ++i) {
    if (std::isnan(found.row.values[i])) continue;
    (*message.mutable_features())[found.row.schema->names()[i]] = found.row.values[i];
  }
  message.set_feature_origin(static_cast<v1::FeatureOrigin>(found.row.origin));
  if (found.age != absl::InfiniteDuration()) SetDuration(found.age, *message.mutable_feature_age());
}

void FillModelVersion(absl::string_view model, const repository::VersionInfo& version,
                      v1::ModelVersion& message) {
  message.set_model(std::string(model));
  message.set_version(version.version);
  message.set_state(static_cast<v1::ModelState>(version.state));
  // libtorch quotes the bytes that it stumbled upon.
  message.set_reason(ValidUtf8(version.reason));
  if (version.signature != nullptr) *message.mutable_signature() = *version.signature;
  message.set_traffic_percent(version.traffic_percent);
  message.set_shadow_percent(version.shadow_percent);
  if (version.handle != nullptr) message.set_rows_served(version.handle->outcomes.rows());
  if (version.loaded_at != absl::InfinitePast()) {
    SetTimestamp(version.loaded_at, *message.mutable_loaded_at());
  }
}

}  // namespace predictd::rpc
