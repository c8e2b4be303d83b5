// Text of others, such as messages of libraries, that is to go into a protobuf string: one byte
// that is not UTF-8, and the receiver refuses the whole message.
#ifndef PREDICTD_SERVER_BASE_UTF8_H_
#define PREDICTD_SERVER_BASE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd {

// Length of the well-formed UTF-8 sequence that starts at `text`, or 0 (RFC 3629, section 4).
size_t Utf8Length(absl::string_view text);

// `text` with U+FFFD in place of each byte that is not UTF-8.
std::string ValidUtf8(absl::string_view text);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_UTF8_H_
