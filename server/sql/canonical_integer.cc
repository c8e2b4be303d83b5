#include "server/sql/canonical_integer.h"

#include <charconv>
#include <system_error>

namespace predictd {

std::optional<int64_t> CanonicalInteger(absl::string_view text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  const absl::string_view digits = text[0] == '-' ? text.substr(1) : text;
  if (digits[0] == '0' && text.size() > 1) return std::nullopt;
  return value;
}

}  // namespace predictd
