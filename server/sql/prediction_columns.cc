#include "server/sql/prediction_columns.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/sql/prediction_json.h"

namespace predictd {
namespace {

bool AllFinite(absl::Span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

absl::Status Unreadable(absl::string_view id, absl::string_view column, absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat("prediction '", id, "' has a column '", column, "' that cannot be read: ", why));
}

}  // namespace

absl::StatusOr<PredictionTexts> PredictionFormat::Format(const Prediction& prediction) {
  if (!AllFinite(prediction.features) || !AllFinite(prediction.outputs)) {
    return absl::InvalidArgumentError(absl::StrCat("prediction ", prediction.prediction_id,
                                                   " has a value that JSON cannot hold"));
  }
  features_.clear();
  AppendFeaturesJson(*prediction.schema, prediction.features, features_);
  outputs_.clear();
  AppendOutputsJson(prediction.outputs, outputs_);
  if (prediction.created_at != created_at_) {
    created_at_ = prediction.created_at;
    created_at_text_ = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", created_at_, absl::UTCTimeZone());
  }
  return PredictionTexts{prediction.prediction_id,
                         prediction.idempotency_key,
                         prediction.user_id,
                         prediction.model,
                         prediction.version,
                         features_,
                         outputs_,
                         FeatureOriginName(prediction.feature_origin),
                         created_at_text_};
}

absl::StatusOr<Prediction> ParsePrediction(const PredictionTexts& texts) {
  Prediction prediction;
  prediction.prediction_id = std::string(texts[0]);
  prediction.idempotency_key = std::string(texts[1]);
  prediction.user_id = std::string(texts[2]);
  prediction.model = std::string(texts[3]);
  prediction.version = std::string(texts[4]);
  auto features = ParseFeaturesJson(texts[5]);
  if (!features.ok()) {
    return Unreadable(prediction.prediction_id, "features", features.status().message());
  }
  prediction.schema = std::make_shared<const Schema>(std::move(features->names));
  prediction.features.assign(features->values.begin(), features->values.end());
  auto outputs = ParseOutputsJson(texts[6]);
  if (!outputs.ok()) {
    return Unreadable(prediction.prediction_id, "outputs", outputs.status().message());
  }
  prediction.outputs.assign(outputs->begin(), outputs->end());
  prediction.feature_origin = ParseFeatureOrigin(texts[7]);
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, texts[8], &prediction.created_at, &error)) {
    return Unreadable(prediction.prediction_id, "created_at", error);
  }
  return prediction;
}

}  // namespace predictd
