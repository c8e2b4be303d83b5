#include "server/sql/prediction_json.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/json.h"

namespace predictd {
namespace {

void AppendUtf8(uint32_t code_point, std::string& out) {
  const auto continuation = [&](int shift) {
    out += static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
    continuation(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | (code_point >> 12));
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xF0 | (code_point >> 18));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

// Reads one value from the front. Every function returns false at the first byte that does not fit.
class Parser {
 public:
  explicit Parser(absl::string_view text) : whole_(text), rest_(text) {}

  // Passes over white space and `c`.
  bool Take(char c) {
    SkipSpace();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool AtEnd() {
    SkipSpace();
    return rest_.empty();
  }

  bool Number(float& value) {
    SkipSpace();
    const size_t length = NumberLength();
    if (length == 0) return false;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + length, value);
    if (parsed.ec != std::errc() || parsed.ptr != rest_.data() + length) return false;
    rest_.remove_prefix(length);
    return true;
  }

  bool String(std::string& value) {
    if (!Take('"')) return false;
    value.clear();
    while (!rest_.empty()) {
      const char c = rest_[0];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        value += c;
      } else if (!Escape(value)) {
        return false;
      }
    }
    return false;
  }

  absl::Status Error() const {
    return absl::InvalidArgumentError(
        absl::StrCat("not as predictd writes it at byte ", whole_.size() - rest_.size()));
  }

 private:
  void SkipSpace() {
    while (!rest_.empty() &&
           (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\n' || rest_[0] == '\r')) {
      rest_.remove_prefix(1);
    }
  }

  // Length of the number in JSON's grammar, which is narrower than from_chars's; 0 = none.
  size_t NumberLength() const {
    size_t at = 0;
    const auto digits = [&] {
      const size_t first = at;
      while (at < rest_.size() && absl::ascii_isdigit(rest_[at])) ++at;
      return at - first;
    };
    const auto is = [&](char c) { return at < rest_.size() && rest_[at] == c; };
    if (is('-')) ++at;
    const bool leading_zero = is('0');
    const size_t whole_digits = digits();
    if (whole_digits == 0 || (leading_zero && whole_digits > 1)) return 0;
    if (is('.')) {
      ++at;
      if (digits() == 0) return 0;
    }
    if (is('e') || is('E')) {
      ++at;
      if (is('+') || is('-')) ++at;
      if (digits() == 0) return 0;
    }
    return at;
  }

  // What follows a backslash.
  bool Escape(std::string& value) {
    if (rest_.empty()) return false;
    const char c = rest_[0];
    rest_.remove_prefix(1);
    static constexpr absl::string_view kNames = "\"\\/bfnrt";
    static constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (const size_t i = kNames.find(c); i != absl::string_view::npos) {
      value += kMeanings[i];
      return true;
    }
    if (c != 'u') return false;
    std::optional<uint32_t> unit = Hex4();
    if (!unit) return false;
    uint32_t code_point = *unit;
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
      // A pair of surrogates stands for one character beyond the first 65,536.
      if (code_point >= 0xDC00 || rest_.substr(0, 2) != "\\u") return false;
      rest_.remove_prefix(2);
      unit = Hex4();
      if (!unit || *unit < 0xDC00 || *unit > 0xDFFF) return false;
      code_point = 0x10000 + ((code_point - 0xD800) << 10) + (*unit - 0xDC00);
    }
    AppendUtf8(code_point, value);
    return true;
  }

  std::optional<uint32_t> Hex4() {
    if (rest_.size() < 4) return std::nullopt;
    uint32_t value = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + 4, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != rest_.data() + 4) return std::nullopt;
    rest_.remove_prefix(4);
    return value;
  }

  const absl::string_view whole_;
  absl::string_view rest_;
};

}  // namespace

void AppendFeaturesJson(const Schema& schema, absl::Span<const float> values, std::string& out) {
  out += '{';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += schema.json_names()[i];
    out += ':';
    AppendJsonFloat(values[i], out);
  }
  out += '}';
}

void AppendOutputsJson(absl::Span<const float> outputs, std::string& out) {
  out += '[';
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonFloat(outputs[i], out);
  }
  out += ']';
}

absl::StatusOr<NamedValues> ParseFeaturesJson(absl::string_view text) {
  Parser parser(text);
  NamedValues features;
  absl::flat_hash_set<std::string> seen;
  if (!parser.Take('{')) return parser.Error();
  if (!parser.Take('}')) {
    do {
      std::string name;
      float value = 0;
      if (!parser.String(name) || !seen.insert(name).second || !parser.Take(':') ||
          !parser.Number(value)) {
        return parser.Error();
      }
      features.names.push_back(std::move(name));
      features.values.push_back(value);
    } while (parser.Take(','));
    if (!parser.Take('}')) return parser.Error();
  }
  if (!parser.AtEnd()) return parser.Error();
  return features;
}

absl::StatusOr<std::vector<float>> ParseOutputsJson(absl::string_view text) {
  Parser parser(text);
  std::vector<float> outputs;
  if (!parser.Take('[')) return parser.Error();
  if (!parser.Take(']')) {
    do {
      float value = 0;
      if (!parser.Number(value)) return parser.Error();
      outputs.push_back(value);
    } while (parser.Take(','));
    if (!parser.Take(']')) return parser.Error();
  }
  if (!parser.AtEnd()) return parser.Error();
  return outputs;
}

}  // namespace predictd
