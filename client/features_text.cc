#include "client/features_text.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/json_object.h"
#include "client/table.h"
#include "client/text.h"

namespace predictd::client {

std::string FeaturesText(const v1::GetFeaturesResponse& row) {
  const std::map<std::string, float> sorted(row.features().begin(), row.features().end());
  std::vector<std::string> numbers;
  for (const auto& [name, value] : sorted) numbers.push_back(FormatFloat(value));
  AlignDecimalPoints(numbers);
  Table table;
  size_t next = 0;
  for (const auto& [name, value] : sorted) table.AddRow({name, numbers[next++]});
  table.AddRow({});
  table.AddRow({"features", StoredRowText(row.feature_origin(),
                                          row.has_feature_age() ? &row.feature_age() : nullptr)});
  return sorted.empty() ? absl::StrCat("every feature is missing\n", table.Text()) : table.Text();
}

std::string FeaturesJson(const v1::GetFeaturesResponse& row) {
  const std::map<std::string, float> sorted(row.features().begin(), row.features().end());
  JsonObject features;
  for (const auto& [name, value] : sorted) features.AddFloat(name, value);
  JsonObject object;
  object.AddText("user_id", row.user_id())
      .AddJson("features", features.Text())
      .AddText("feature_origin",
               absl::StripPrefix(v1::FeatureOrigin_Name(row.feature_origin()), "FEATURE_ORIGIN_"));
  if (row.has_feature_age()) {
    object.AddRounded("feature_age_seconds", absl::ToDoubleSeconds(FromProto(row.feature_age())),
                      3);
  }
  return object.Text();
}

}  // namespace predictd::client
