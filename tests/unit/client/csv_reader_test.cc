#include "client/csv_reader.h"

#include <sstream>

#include "tests/catch.h"

namespace predictd::client {
namespace {

using Cells = std::vector<std::string>;

TEST_CASE("cells are read with and without quotes, and lines are counted") {
  std::istringstream in(
      "\xef\xbb\xbf"
      "a,b\r\n\n  \n1,\"x,\"\"y\"\"\"\n\"two\nlines\", z \n,\nlast,\"\"");
  CsvReader reader(in);
  Cells cells;
  const auto next = [&](const Cells& expected, int64_t line) {
    REQUIRE(reader.Next(&cells));
    CHECK(cells == expected);
    CHECK(reader.line() == line);
    CHECK(!reader.open_quote());
  };
  next({"a", "b"}, 1);
  next({"1", "x,\"y\""}, 4);
  next({"two\nlines", " z "}, 5);
  next({"", ""}, 7);
  next({"last", ""}, 8);
  CHECK(!reader.Next(&cells));
  CHECK(!reader.failed());
}

TEST_CASE("a quote without an end takes the rest of the file") {
  std::istringstream in("a,b\n1,\"x\ny,z");
  CsvReader reader(in);
  Cells cells;
  REQUIRE(reader.Next(&cells));
  REQUIRE(reader.Next(&cells));
  CHECK(reader.open_quote());
  CHECK(reader.line() == 2);
  CHECK(!reader.Next(&cells));
}

}  // namespace
}  // namespace predictd::client
