// The value of --set.
#ifndef PREDICTD_CLIENT_FEATURE_LIST_H_
#define PREDICTD_CLIENT_FEATURE_LIST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace predictd::client {

// "age=31,hours=40" -> pairs in that order; empty text gives none. A name may hold '=': the last
// one separates. INVALID_ARGUMENT names the piece that is no NAME=NUMBER, has no finite value, or
// names a feature for the second time.
absl::StatusOr<std::vector<std::pair<std::string, float>>> ParseFeatureList(absl::string_view text);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_FEATURE_LIST_H_
