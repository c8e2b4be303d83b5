#include "client/feature_list.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace predictd::client {

absl::StatusOr<std::vector<std::pair<std::string, float>>> ParseFeatureList(
    absl::string_view text) {
  std::vector<std::pair<std::string, float>> features;
  if (text.empty()) return features;
  for (const absl::string_view piece : absl::StrSplit(text, ',')) {
    const size_t equals = piece.rfind('=');
    const auto invalid = [&](absl::string_view what) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", piece, "' ", what, "; write NAME=NUMBER,NAME=NUMBER"));
    };
    if (equals == absl::string_view::npos) return invalid("has no '='");
    const absl::string_view name = absl::StripAsciiWhitespace(piece.substr(0, equals));
    if (name.empty()) return invalid("has no name");
    float value = 0;
    if (!absl::SimpleAtof(piece.substr(equals + 1), &value) || !std::isfinite(value)) {
      return invalid("has no finite number");
    }
    const bool known = std::any_of(features.begin(), features.end(),
                                   [&](const auto& feature) { return feature.first == name; });
    if (known) return invalid("is set twice");
    features.emplace_back(name, value);
  }
  return features;
}

}  // namespace predictd::client
