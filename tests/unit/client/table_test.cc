#include "client/table.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("columns are as wide as their widest cell") {
  Table table;
  table.AddRow({"MODEL", "VERSION", "STATE"});
  table.AddRow({"churn", "12", "READY"});
  table.AddRow({"recommendation", "1", ""});
  CHECK(table.Text() ==
        "MODEL           VERSION  STATE\n"
        "churn           12       READY\n"
        "recommendation  1\n");
}

TEST_CASE("an empty row is a blank line, an empty table no text") {
  Table table;
  CHECK(table.Text().empty());
  table.AddRow({"a", "b"});
  table.AddRow({});
  table.AddRow({"longer", "c"});
  CHECK(table.Text() == "a       b\n\nlonger  c\n");
}

TEST_CASE("text below a row widens no column") {
  Table table;
  table.AddRow({"a", "b"});
  table.AddText("    something long\n");
  table.AddRow({"c", "d"});
  CHECK(table.Text() == "a  b\n    something long\nc  d\n");
}

TEST_CASE("widths count characters, not bytes") {
  Table table;
  table.AddRow({"größe", "1"});
  table.AddRow({"weight", "2"});
  CHECK(table.Text() == "größe   1\nweight  2\n");
}

TEST_CASE("decimal points stand below each other") {
  std::vector<std::string> numbers = {"0.26875", "-12.5", "100", "1e-10"};
  AlignDecimalPoints(numbers);
  CHECK(numbers == std::vector<std::string>{"  0.26875", "-12.5", "100", "  1e-10"});
}

}  // namespace
}  // namespace predictd::client
