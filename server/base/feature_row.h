// One user's stored features, and where a prediction's features came from.
#ifndef PREDICTD_SERVER_BASE_FEATURE_ROW_H_
#define PREDICTD_SERVER_BASE_FEATURE_ROW_H_

#include <memory>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/schema.h"

namespace predictd {

// Numbers equal predictd.v1.FeatureOrigin.
enum class FeatureOrigin {
  kUnspecified = 0,
  kRequest = 1,
  kLocalCache = 2,
  kRedis = 3,
  kSource = 4,
  kDefaults = 5,
};
inline constexpr int kFeatureOrigins = 6;

// "LOCAL_CACHE": the proto name without its prefix; as in the predictions table.
absl::string_view FeatureOriginName(FeatureOrigin origin);
// kUnspecified for a name that is none.
FeatureOrigin ParseFeatureOrigin(absl::string_view name);

// Values of one row in the order of its schema; NaN = missing. Rows up to 32 features need no
// allocation.
using FeatureValues = absl::InlinedVector<float, 32>;

struct FeatureRow {
  std::shared_ptr<const Schema> schema;
  FeatureValues values;
  // Wall clock when the row was read from its source; InfinitePast where that is unknown.
  absl::Time read_at = absl::InfinitePast();
  FeatureOrigin origin = FeatureOrigin::kUnspecified;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_FEATURE_ROW_H_
