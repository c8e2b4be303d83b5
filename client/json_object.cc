#include "client/json_object.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/json.h"

namespace predictd::client {

JsonObject& JsonObject::AddJson(absl::string_view name, absl::string_view json) {
  if (!fields_.empty()) fields_ += ',';
  AppendJsonString(name, fields_);
  absl::StrAppend(&fields_, ":", json);
  return *this;
}

JsonObject& JsonObject::AddText(absl::string_view name, absl::string_view value) {
  std::string json;
  AppendJsonString(value, json);
  return AddJson(name, json);
}

JsonObject& JsonObject::AddInteger(absl::string_view name, int64_t value) {
  return AddJson(name, absl::StrCat(value));
}

JsonObject& JsonObject::AddFloat(absl::string_view name, float value) {
  if (!std::isfinite(value)) return AddJson(name, "null");
  std::string json;
  AppendJsonFloat(value, json);
  return AddJson(name, json);
}

JsonObject& JsonObject::AddRounded(absl::string_view name, double value, int decimals) {
  if (!std::isfinite(value)) return AddJson(name, "null");
  return AddJson(name, absl::StrFormat("%.*f", decimals, value));
}

}  // namespace predictd::client
