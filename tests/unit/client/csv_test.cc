#include "client/csv.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

std::string Field(absl::string_view field) {
  std::string out;
  AppendCsvField(field, out);
  return out;
}

TEST_CASE("a plain field stays as it is") {
  CHECK(Field("user 42") == "user 42");
  CHECK(Field("").empty());
}

TEST_CASE("a field with a comma, a quote or a line break is quoted") {
  CHECK(Field("a,b") == "\"a,b\"");
  CHECK(Field("say \"hi\"") == "\"say \"\"hi\"\"\"");
  CHECK(Field("two\nlines") == "\"two\nlines\"");
  CHECK(Field("cr\r") == "\"cr\r\"");
}

TEST_CASE("spaces at the ends are kept by quotes") {
  CHECK(Field(" a") == "\" a\"");
  CHECK(Field("a ") == "\"a \"");
}

}  // namespace
}  // namespace predictd::client
