#include "server/base/json.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "tests/catch.h"

namespace predictd {
namespace {

std::string Quoted(absl::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

std::string Number(float value) {
  std::string out;
  AppendJsonFloat(value, out);
  return out;
}

TEST_CASE("plain text is only quoted") {
  CHECK(Quoted("") == R"("")");
  CHECK(Quoted("user 42/ok") == R"("user 42/ok")");
}

TEST_CASE("quotes, backslashes and control characters are escaped") {
  CHECK(Quoted(R"(a"b\c)") == R"("a\"b\\c")");
  CHECK(Quoted("a\nb") == R"("a\nb")");
  CHECK(Quoted(absl::string_view("\0\x01\t\r\x1f", 5)) == R"("\u0000\u0001\u0009\u000d\u001f")");
  CHECK(Quoted("\x7f") == "\"\x7f\"");
}

TEST_CASE("UTF-8 of every length passes") {
  for (const char* text : {"\u00e9", "\u20ac", "\ud7ff", "\uffff", "\U00010000", "\U0010ffff"}) {
    CHECK(Quoted(text) == "\"" + std::string(text) + "\"");
  }
}

TEST_CASE("bytes that are not UTF-8 become the replacement character, one by one") {
  CHECK(Quoted("a\xff"
               "b") == R"("a\ufffdb")");
  CHECK(Quoted("\x80") == R"("\ufffd")");
  CHECK(Quoted("\xc3") == R"("\ufffd")");
  // Too long for what it says, a surrogate, beyond the last code point, and cut off.
  CHECK(Quoted("\xc0\xaf") == R"("\ufffd\ufffd")");
  CHECK(Quoted("\xe0\x80\xaf") == R"("\ufffd\ufffd\ufffd")");
  CHECK(Quoted("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");
  CHECK(Quoted("\xf4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");
  CHECK(Quoted("\xf0\x9f\x92") == R"("\ufffd\ufffd\ufffd")");
}

TEST_CASE("a number is the shortest text that is the same float again") {
  CHECK(Number(0.1f) == "0.1");
  CHECK(Number(-2.0f) == "-2");
  CHECK(Number(16777216.0f) == "16777216");
  std::mt19937 random(7);
  for (int i = 0; i < 100000; ++i) {
    const uint32_t bits = random();
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    const std::string text = Number(value);
    if (std::strtof(text.c_str(), nullptr) != value) FAIL(text);
    if (text.find_first_not_of("0123456789+-.e") != std::string::npos) FAIL(text);
  }
  CHECK(std::strtof(Number(std::numeric_limits<float>::denorm_min()).c_str(), nullptr) ==
        std::numeric_limits<float>::denorm_min());
}

TEST_CASE("numbers of few digits, and their neighbours, are written as std::to_chars does") {
  const auto check = [](float value) {
    char text[32];
    const std::string expected(text, std::to_chars(text, text + sizeof(text), value).ptr);
    if (Number(value) != expected) FAIL(Number(value) << " instead of " << expected);
  };
  for (const float scale : {1.0f, 10.0f, 100.0f, 1000.0f, 10000.0f}) {
    for (int digits = 0; digits < 1'100'000; digits += 7) {
      const float value = static_cast<float>(digits) / scale;
      check(value);
      check(-value);
      check(std::nextafter(value, -1.0f));
      check(std::nextafter(value, 2e6f));
    }
  }
  for (const float value : {999.9995f, 999.9999f, 99999.95f, 99999.99f, 100000.0f, 0.001f, 0.0005f,
                            std::numeric_limits<float>::min(), std::numeric_limits<float>::max()}) {
    check(value);
    check(-value);
  }
}

}  // namespace
}  // namespace predictd
