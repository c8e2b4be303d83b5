#include "client/id_reader.h"

#include <sstream>
#include <vector>

#include "tests/catch.h"

namespace predictd::client {
namespace {

std::vector<std::string> Ids(const std::string& text) {
  std::istringstream in(text);
  IdReader reader(in);
  std::vector<std::string> ids;
  std::string id;
  while (reader.Next(&id)) ids.push_back(id);
  CHECK_FALSE(reader.failed());
  std::istringstream again(text);
  CHECK(CountIds(again) == static_cast<int64_t>(ids.size()));
  return ids;
}

using Expected = std::vector<std::string>;

TEST_CASE("ids stand one per line") { CHECK(Ids("1\n2\n3\n") == Expected{"1", "2", "3"}); }

TEST_CASE("the last line needs no line end") { CHECK(Ids("1\n2") == Expected{"1", "2"}); }

TEST_CASE("CRLF ends a line too") { CHECK(Ids("1\r\n2\r\n") == Expected{"1", "2"}); }

TEST_CASE("blank lines are skipped") {
  CHECK(Ids("\n1\n\n \t\n\r\n2\n\n") == Expected{"1", "2"});
  CHECK(Ids("").empty());
}

TEST_CASE("a byte order mark is no part of the first id") {
  CHECK(Ids("\xef\xbb\xbf"
            "1\n2\n") == Expected{"1", "2"});
  CHECK(Ids("1\n\xef\xbb\xbf"
            "2\n") == Expected{"1",
                               "\xef\xbb\xbf"
                               "2"});
}

TEST_CASE("spaces belong to the id") { CHECK(Ids(" a b \n") == Expected{" a b "}); }

}  // namespace
}  // namespace predictd::client
