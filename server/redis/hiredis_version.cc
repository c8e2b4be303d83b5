#include "server/redis/hiredis_version.h"

#include <hiredis/hiredis.h>

#include "absl/strings/str_cat.h"

namespace predictd::redis {

std::string HiredisVersion() {
  return absl::StrCat(HIREDIS_MAJOR, ".", HIREDIS_MINOR, ".", HIREDIS_PATCH);
}

}  // namespace predictd::redis
