// Values of Feast's online stores: serialized feast.types.Value
// (https://github.com/feast-dev/feast/blob/master/protos/feast/types/Value.proto) and
// google.protobuf.Timestamp. Read by hand: a handful of scalar fields, for every feature of every
// row, from bytes that others wrote and that may be anything.
#ifndef PREDICTD_SERVER_FEATURES_FEAST_VALUE_H_
#define PREDICTD_SERVER_FEATURES_FEAST_VALUE_H_

#include <limits>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd::features {

struct FeastNumber {
  float value = std::numeric_limits<float>::quiet_NaN();  // NaN = missing
  // Not a number and not null either: text, bytes, a list, or no Value at all.
  bool garbage = false;
};

// An integer, a floating-point number, a boolean (1 or 0), or the seconds of a time. Null, no value
// and what a float cannot hold are missing.
FeastNumber ReadFeastNumber(absl::string_view bytes);

// Nothing where the bytes are no time between the years 1 and 9999.
std::optional<absl::Time> ReadTimestamp(absl::string_view bytes);

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_FEAST_VALUE_H_
