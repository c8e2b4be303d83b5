// Bytes as they stand in a specification.
#ifndef PREDICTD_TESTS_UNIT_FEATURES_HEX_H_
#define PREDICTD_TESTS_UNIT_FEATURES_HEX_H_

#include <string>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace predictd::features {

// Two digits a byte; spaces are left out. absl::HexStringToBytes has another signature in each of
// Debian 12 and 13.
inline std::string Bytes(absl::string_view hex) {
  const std::string digits = absl::StrReplaceAll(hex, {{" ", ""}});
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace predictd::features

#endif  // PREDICTD_TESTS_UNIT_FEATURES_HEX_H_
