// The few pieces of JSON that predictd writes itself.
#ifndef PREDICTD_SERVER_BASE_JSON_H_
#define PREDICTD_SERVER_BASE_JSON_H_

#include <string>

#include "absl/strings/string_view.h"

namespace predictd {

// Appends `text` as a JSON string with its quotes (RFC 8259, section 7). Bytes that are not UTF-8
// become U+FFFD.
void AppendJsonString(absl::string_view text, std::string& out);

// Appends the shortest decimal that reads back as the same float; `value` is finite.
void AppendJsonFloat(float value, std::string& out);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_JSON_H_
