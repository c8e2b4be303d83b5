// The columns `features` and `outputs` of the table `predictions`: {"name":1.5,...} and [0.25,...].
#ifndef PREDICTD_SERVER_SQL_PREDICTION_JSON_H_
#define PREDICTD_SERVER_SQL_PREDICTION_JSON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/schema.h"

namespace predictd {

// Values are finite, one per name of the schema, and read back as the same floats.
void AppendFeaturesJson(const Schema& schema, absl::Span<const float> values, std::string& out);
void AppendOutputsJson(absl::Span<const float> outputs, std::string& out);

struct NamedValues {
  std::vector<std::string> names;
  std::vector<float> values;
};

// Strict (RFC 8259): INVALID_ARGUMENT says at which byte the text is something else, such as a
// nested value, a name that is there twice or a number that no float holds.
absl::StatusOr<NamedValues> ParseFeaturesJson(absl::string_view text);
absl::StatusOr<std::vector<float>> ParseOutputsJson(absl::string_view text);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_PREDICTION_JSON_H_
