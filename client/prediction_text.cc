#include "client/prediction_text.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/json_object.h"
#include "client/table.h"
#include "client/text.h"
#include "server/base/json.h"

namespace predictd::client {
namespace {

using Floats = google::protobuf::RepeatedField<float>;

void AddNumbers(const std::vector<std::string>& names, std::vector<std::string> numbers,
                Table& table) {
  AlignDecimalPoints(numbers);
  for (size_t i = 0; i < numbers.size(); ++i) table.AddRow({names[i], numbers[i]});
}

void AddOutputs(const Floats& outputs, const std::vector<std::string>& names, Table& table) {
  std::vector<std::string> numbers;
  for (const float output : outputs) numbers.push_back(FormatFloat(output));
  AddNumbers(names, std::move(numbers), table);
  table.AddRow({});
}

std::string OutputsJson(const Floats& outputs, const std::vector<std::string>& names) {
  JsonObject object;
  for (int i = 0; i < outputs.size(); ++i) object.AddFloat(names[i], outputs[i]);
  return object.Text();
}

std::string OriginJsonName(v1::FeatureOrigin origin) {
  return std::string(absl::StripPrefix(v1::FeatureOrigin_Name(origin), "FEATURE_ORIGIN_"));
}

// "Redis, 2.4s old"
std::string FeaturesText(const v1::PredictResponse& reply) {
  switch (reply.feature_origin()) {
    case v1::FEATURE_ORIGIN_REQUEST:
      return "all from the request";
    case v1::FEATURE_ORIGIN_DEFAULTS:
      return "no stored row; from the request and defaults";
    default:
      break;
  }
  return StoredRowText(reply.feature_origin(),
                       reply.has_feature_age() ? &reply.feature_age() : nullptr);
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::map<std::string, float> Sorted(const google::protobuf::Map<std::string, float>& features) {
  return {features.begin(), features.end()};
}

}  // namespace

std::string PredictionText(const v1::PredictResponse& reply,
                           const std::vector<std::string>& names) {
  Table table;
  AddOutputs(reply.outputs(), names, table);
  table.AddRow({"model", absl::StrCat(reply.model(), "/", reply.version())});
  table.AddRow({"features", FeaturesText(reply)});
  if (!reply.missing_features().empty()) {
    table.AddRow({"defaults", absl::StrJoin(reply.missing_features(), ", ")});
  }
  if (!reply.prediction_id().empty()) table.AddRow({"saved as", reply.prediction_id()});
  return table.Text();
}

std::string PredictionJson(const std::string& user_id, const v1::PredictResponse& reply,
                           const std::vector<std::string>& names) {
  JsonObject object;
  object.AddText("user_id", user_id)
      .AddJson("outputs", OutputsJson(reply.outputs(), names))
      .AddText("model", reply.model())
      .AddText("version", reply.version())
      .AddText("feature_origin", OriginJsonName(reply.feature_origin()));
  if (reply.has_feature_age()) {
    object.AddRounded("feature_age_seconds", absl::ToDoubleSeconds(FromProto(reply.feature_age())),
                      3);
  }
  std::string missing;
  for (const auto& name : reply.missing_features()) {
    if (!missing.empty()) missing += ',';
    AppendJsonString(name, missing);
  }
  object.AddJson("missing_features", absl::StrCat("[", missing, "]"));
  if (!reply.prediction_id().empty()) object.AddText("prediction_id", reply.prediction_id());
  return object.Text();
}

std::string SavedText(const v1::GetPredictionResponse& saved, const std::vector<std::string>& names,
                      absl::Time now) {
  Table table;
  AddOutputs(saved.outputs(), names, table);
  const absl::Time created = FromProto(saved.created_at());
  table.AddRow({"user", saved.user_id()});
  table.AddRow({"model", absl::StrCat(saved.model(), "/", saved.version())});
  table.AddRow({"made", absl::StrCat(TimeText(created), ", ", FormatBrief(now - created), " ago")});
  if (!saved.idempotency_key().empty()) {
    table.AddRow({"idempotency key", saved.idempotency_key()});
  }
  table.AddRow({"features", std::string(OriginText(saved.feature_origin()))});
  std::vector<std::string> features;
  std::vector<std::string> values;
  for (const auto& [name, value] : Sorted(saved.features())) {
    features.push_back(absl::StrCat("  ", name));
    values.push_back(FormatFloat(value));
  }
  AddNumbers(features, std::move(values), table);
  return table.Text();
}

std::string SavedJson(const v1::GetPredictionResponse& saved,
                      const std::vector<std::string>& names) {
  JsonObject features;
  for (const auto& [name, value] : Sorted(saved.features())) features.AddFloat(name, value);
  JsonObject object;
  object.AddText("prediction_id", saved.prediction_id())
      .AddText("user_id", saved.user_id())
      .AddJson("outputs", OutputsJson(saved.outputs(), names))
      .AddText("model", saved.model())
      .AddText("version", saved.version())
      .AddText("feature_origin", OriginJsonName(saved.feature_origin()))
      .AddJson("features", features.Text())
      .AddText("created_at", TimeText(FromProto(saved.created_at())));
  if (!saved.idempotency_key().empty()) object.AddText("idempotency_key", saved.idempotency_key());
  return object.Text();
}

}  // namespace predictd::client
