// User ids that are numbers.
#ifndef PREDICTD_SERVER_SQL_CANONICAL_INTEGER_H_
#define PREDICTD_SERVER_SQL_CANONICAL_INTEGER_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace predictd {

// The number whose only decimal text this is: no sign but '-', no leading zero, no space.
std::optional<int64_t> CanonicalInteger(absl::string_view text);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_CANONICAL_INTEGER_H_
