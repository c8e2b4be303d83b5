#include "server/base/json.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "server/base/utf8.h"

namespace predictd {
namespace {

// Writes `value`, up to `limit`, where it has a decimal with as many digits after the point as
// `scale`, a power of ten, has zeros; null otherwise. Decimals of up to six digits (FLT_DIG) are
// different floats, so this one is the shortest. What people measure, and what they count, is
// mostly such: a quarter of the time of std::to_chars.
char* WriteFewDigits(float value, float limit, uint32_t scale, char* out) {
  const float magnitude = std::fabs(value);
  if (!(magnitude < limit)) return nullptr;
  const auto scaled = static_cast<uint32_t>(double{magnitude} * scale + 0.5);
  if (static_cast<float>(static_cast<double>(scaled) / scale) != magnitude) return nullptr;
  if (std::signbit(value)) *out++ = '-';
  out = std::to_chars(out, out + 10, scaled / scale).ptr;
  uint32_t rest = scaled % scale;
  if (rest == 0) return out;
  *out++ = '.';
  while (rest > 0) {
    rest *= 10;
    *out++ = static_cast<char>('0' + rest / scale);
    rest %= scale;
  }
  return out;
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const char c = text[0];
    if (length == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out.append(text.data(), length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void AppendJsonFloat(float value, std::string& out) {
  char digits[32];
  char* end = WriteFewDigits(value, 1'000, 1'000, digits);
  if (end == nullptr) end = WriteFewDigits(value, 100'000, 10, digits);
  if (end == nullptr) end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

}  // namespace predictd
