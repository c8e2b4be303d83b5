#include "server/base/utf8.h"

#include <string>

#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("Text that is UTF-8 stays as it is") {
  for (const std::string text :
       {"", "plain", "gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    CHECK(ValidUtf8(text) == text);
  }
}

TEST_CASE("Each byte that is not UTF-8 becomes U+FFFD") {
  CHECK(ValidUtf8("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK(ValidUtf8("\x80\xC3") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(ValidUtf8("\xE2\x82") == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace predictd
