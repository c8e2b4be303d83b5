#include "server/features/outage.h"

#include "absl/strings/str_cat.h"

namespace predictd::features {

std::string Outage::Failed(const absl::Status& error, absl::Time now) {
  if (!since_) since_ = now;
  const std::string since = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *since_, absl::UTCTimeZone());
  return absl::StrCat(store_, " has not answered since ", since, ": ", error.message());
}

}  // namespace predictd::features
