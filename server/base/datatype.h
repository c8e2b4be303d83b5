// Element types of tensors, by their Open Inference names.
#ifndef PREDICTD_SERVER_BASE_DATATYPE_H_
#define PREDICTD_SERVER_BASE_DATATYPE_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace predictd {

// What libtorch and the Open Inference Protocol both have.
enum class Datatype { kBool, kInt8, kUint8, kInt16, kInt32, kInt64, kFp16, kBf16, kFp32, kFp64 };

// "FP32"
absl::string_view DatatypeName(Datatype datatype);
// None for a name that is not among the above.
std::optional<Datatype> ParseDatatype(absl::string_view name);
// "BOOL, INT8, ...": for messages.
absl::string_view DatatypeNames();
// Bytes of one element.
size_t DatatypeSize(Datatype datatype);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_DATATYPE_H_
