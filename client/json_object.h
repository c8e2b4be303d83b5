// A JSON object written field by field, for --json.
#ifndef PREDICTD_CLIENT_JSON_OBJECT_H_
#define PREDICTD_CLIENT_JSON_OBJECT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd::client {

// Fields keep the order in which they are added. Numbers that JSON cannot hold (NaN, infinity)
// become null. One thread.
class JsonObject {
 public:
  JsonObject& AddText(absl::string_view name, absl::string_view value);
  JsonObject& AddInteger(absl::string_view name, int64_t value);
  // The shortest decimal that reads back the same.
  JsonObject& AddFloat(absl::string_view name, float value);
  // Rounded to `decimals` digits after the point.
  JsonObject& AddRounded(absl::string_view name, double value, int decimals);
  // `json` is JSON already.
  JsonObject& AddJson(absl::string_view name, absl::string_view json);

  std::string Text() const { return "{" + fields_ + "}"; }

 private:
  std::string fields_;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_JSON_OBJECT_H_
