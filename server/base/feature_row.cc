#include "server/base/feature_row.h"

namespace predictd {
namespace {

constexpr absl::string_view kNames[kFeatureOrigins] = {"UNSPECIFIED", "REQUEST", "LOCAL_CACHE",
                                                       "REDIS",       "SOURCE",  "DEFAULTS"};

}  // namespace

absl::string_view FeatureOriginName(FeatureOrigin origin) {
  return kNames[static_cast<int>(origin)];
}

FeatureOrigin ParseFeatureOrigin(absl::string_view name) {
  for (int i = 0; i < kFeatureOrigins; ++i) {
    if (kNames[i] == name) return static_cast<FeatureOrigin>(i);
  }
  return FeatureOrigin::kUnspecified;
}

}  // namespace predictd
