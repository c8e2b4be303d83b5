#include "server/base/datatype.h"

#include <algorithm>
#include <array>

namespace predictd {
namespace {

struct Entry {
  absl::string_view name;
  size_t size;
};

// In the order of the enumeration.
constexpr std::array<Entry, 10> kDatatypes = {{{"BOOL", 1},
                                               {"INT8", 1},
                                               {"UINT8", 1},
                                               {"INT16", 2},
                                               {"INT32", 4},
                                               {"INT64", 8},
                                               {"FP16", 2},
                                               {"BF16", 2},
                                               {"FP32", 4},
                                               {"FP64", 8}}};

}  // namespace

absl::string_view DatatypeName(Datatype datatype) {
  return kDatatypes[static_cast<size_t>(datatype)].name;
}

std::optional<Datatype> ParseDatatype(absl::string_view name) {
  const auto it = std::find_if(kDatatypes.begin(), kDatatypes.end(),
                               [name](const Entry& entry) { return entry.name == name; });
  if (it == kDatatypes.end()) return std::nullopt;
  return static_cast<Datatype>(it - kDatatypes.begin());
}

absl::string_view DatatypeNames() {
  return "BOOL, INT8, UINT8, INT16, INT32, INT64, FP16, BF16, FP32, FP64";
}

size_t DatatypeSize(Datatype datatype) { return kDatatypes[static_cast<size_t>(datatype)].size; }

}  // namespace predictd
