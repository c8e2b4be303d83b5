#include "client/screen.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("lines replace those that were there before") {
  CHECK(ScreenText("one\ntwo\n", 24) == "\x1b[H\x1b[?7lone\x1b[K\ntwo\x1b[K\n\x1b[J\x1b[?7h");
}

TEST_CASE("what is too high for the terminal is cut and said so") {
  CHECK(ScreenText("1\n2\n3\n", 4) == "\x1b[H\x1b[?7l1\x1b[K\n2\x1b[K\n3\x1b[K\n\x1b[J\x1b[?7h");
  CHECK(ScreenText("1\n2\n3\n4\n", 4) ==
        "\x1b[H\x1b[?7l1\x1b[K\n2\x1b[K\n... 2 more lines\x1b[K\n\x1b[J\x1b[?7h");
}

}  // namespace
}  // namespace predictd::client
