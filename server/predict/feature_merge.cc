#include "server/predict/feature_merge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"

namespace predictd::predict {
namespace {

constexpr size_t kLongestUserId = 512;  // bytes
// Bytes. An index of PostgreSQL takes about 2,700.
constexpr size_t kLongestIdempotencyKey = 512;
// Versions come and go: what is remembered of them is forgotten now and then.
constexpr size_t kMostRemembered = 64;

absl::Status Invalid(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", problem));
}

}  // namespace

const std::vector<int>& ColumnLookup::Columns(const repository::Version& version,
                                              const Schema& schema) {
  const std::pair<uint64_t, uint64_t> key(version.serial, schema.fingerprint());
  const auto known = columns_.find(key);
  if (known != columns_.end()) return known->second;
  if (columns_.size() >= kMostRemembered) columns_.clear();
  std::vector<int> columns;
  for (const std::string& name : version.features->names()) columns.push_back(schema.Find(name));
  return columns_.emplace(key, std::move(columns)).first->second;
}

absl::Status CheckMaxFeatureAge(absl::Duration age) {
  if (age >= absl::ZeroDuration()) return absl::OkStatus();
  return Invalid("max_feature_age", "is negative or no valid Duration; use 0 to read the source");
}

absl::Status CheckRequest(const Request& request) {
  if (request.user_id.empty()) return Invalid("user_id", "is empty; name the user");
  if (request.user_id.size() > kLongestUserId) {
    return Invalid("user_id", absl::StrCat("has ", request.user_id.size(), " bytes; at most ",
                                           kLongestUserId, " are taken"));
  }
  if (request.user_id.find('\0') != absl::string_view::npos) {
    return Invalid("user_id", "contains a NUL byte; take it out");
  }
  PREDICTD_RETURN_IF_ERROR(CheckMaxFeatureAge(request.max_feature_age));
  if (request.idempotency_key.size() > kLongestIdempotencyKey) {
    return Invalid("idempotency_key",
                   absl::StrCat("has ", request.idempotency_key.size(), " bytes; at most ",
                                kLongestIdempotencyKey, " are taken"));
  }
  if (request.idempotency_key.find('\0') != absl::string_view::npos) {
    return Invalid("idempotency_key", "contains a NUL byte; take it out");
  }
  for (const auto& [name, value] : request.features) {
    if (std::isfinite(value)) continue;
    return Invalid(absl::StrCat("features['", name, "']"),
                   "is not finite; leave a missing feature out");
  }
  return absl::OkStatus();
}

absl::Status StartFromRequest(const Request& request, Answer& answer) {
  const repository::Version& version = *answer.version;
  if (version.features->size() == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("model '", version.model, "' version ", version.version,
                     " has no features in its signature: it serves tensors only"));
  }
  answer.features.assign(version.features->size(), std::numeric_limits<float>::quiet_NaN());
  for (const auto& [name, value] : request.features) {
    const int position = version.features->Find(name);
    if (position < 0) {
      return Invalid(
          absl::StrCat("features['", name, "']"),
          absl::StrCat("is no feature of model '", version.model, "' version ", version.version,
                       "; its features are: ", absl::StrJoin(version.features->names(), ", ")));
    }
    answer.features[position] = value;
  }
  return absl::OkStatus();
}

bool Complete(const FeatureValues& features) {
  return std::none_of(features.begin(), features.end(), [](float v) { return std::isnan(v); });
}

absl::Status MissingWithoutStore(const Answer& answer) {
  std::vector<absl::string_view> missing;
  for (size_t i = 0; i < answer.features.size(); ++i) {
    if (std::isnan(answer.features[i])) missing.push_back(answer.version->features->names()[i]);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the request lacks features and no store is configured: ", absl::StrJoin(missing, ", "),
      "; send them, or start predictd with "
      "--feature_source or --feature_cache"));
}

void FillFromRow(const FeatureRow& row, const std::vector<int>& columns, FeatureValues& features) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] >= 0 && std::isnan(features[i])) features[i] = row.values[columns[i]];
  }
}

absl::Status FillDefaults(Answer& answer, absl::string_view hint) {
  const repository::Version& version = *answer.version;
  std::vector<absl::string_view> without;
  for (size_t i = 0; i < answer.features.size(); ++i) {
    if (!std::isnan(answer.features[i])) continue;
    if (version.refuse_missing_features || std::isnan(version.defaults[i])) {
      without.push_back(version.features->names()[i]);
      continue;
    }
    answer.features[i] = version.defaults[i];
    answer.missing.push_back(static_cast<int>(i));
  }
  if (without.empty()) return absl::OkStatus();
  const absl::string_view what = version.refuse_missing_features
                                     ? "missing features, which the model's config.json refuses: "
                                     : "missing features without a default: ";
  return absl::FailedPreconditionError(
      absl::StrCat(what, absl::StrJoin(without, ", "), "; ", hint));
}

}  // namespace predictd::predict
