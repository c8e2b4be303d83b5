#include "server/base/one_line.h"

#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("lines become one, without the mark below them") {
  CHECK(OneLine("Expected a value.\n{\"a\": x}\n      ^\n") == "Expected a value. {\"a\": x}");
  CHECK(OneLine("  one\r\n\r\ntwo") == "one two");
  CHECK(OneLine("2 ^ 3") == "2 ^ 3");
  CHECK(OneLine("").empty());
}

}  // namespace
}  // namespace predictd
