#include "client/feature_csv.h"

#include <cmath>
#include <sstream>

#include "tests/catch.h"

namespace predictd::client {
namespace {

using Names = std::vector<std::string>;

absl::Status Header(const std::string& text, const std::string& key, Names* names = nullptr) {
  std::istringstream in(text);
  FeatureCsv csv(in);
  absl::Status status = csv.ReadHeader(key);
  if (names != nullptr) *names = csv.names();
  return status;
}

bool Says(const absl::Status& status, const std::string& part) {
  UNSCOPED_INFO(status.ToString());
  return !status.ok() && std::string(status.message()).find(part) != std::string::npos;
}

TEST_CASE("the header says which column has the user ids") {
  Names names;
  CHECK(Header("age,user_id,score\n", "", &names).ok());
  CHECK(names == Names{"age", "score"});
  CHECK(Header("id,age,score\n", "", &names).ok());
  CHECK(names == Names{"age", "score"});
  CHECK(Header("user_id, age ,uid\n", "uid", &names).ok());
  CHECK(names == Names{"user_id", "age"});
  CHECK(Says(Header("user_id,age\n", "uid"), "no column 'uid'; there is user_id, age"));
  CHECK(Says(Header("user_id,age,age\n", ""), "'age' twice"));
  CHECK(Says(Header("user_id,,age\n", ""), "column 2"));
  CHECK(Says(Header("user_id\n", ""), "no feature"));
  CHECK(Says(Header("\n\n", ""), "no header"));
}

TEST_CASE("lines become rows, and bad ones say what is wrong") {
  std::istringstream in(
      "x,user_id,y\n1.5,42,-2e3\n,\" u \",\n1,a\n1,a,2,3\nabc,a,1\n1,,2\n1,a,inf\n 7 ,b,0x10\n"
      "1,c,\"2");
  FeatureCsv csv(in);
  REQUIRE(csv.ReadHeader("").ok());
  v1::FeatureRow row;
  absl::Status status;
  REQUIRE(csv.Next(&row, &status));
  REQUIRE(status.ok());
  CHECK(row.user_id() == "42");
  CHECK(row.values(0) == 1.5);
  CHECK(row.values(1) == -2000);
  REQUIRE(csv.Next(&row, &status));
  REQUIRE(status.ok());
  CHECK(row.user_id() == " u ");
  CHECK(std::isnan(row.values(0)));
  CHECK(std::isnan(row.values(1)));
  CHECK(csv.line() == 3);
  for (const char* part : {"2 cells, and the header has 3", "4 cells", "'x' is 'abc'",
                           "user id is empty", "'y' is 'inf'"}) {
    REQUIRE(csv.Next(&row, &status));
    CHECK(Says(status, part));
  }
  CHECK(csv.line() == 8);
  REQUIRE(csv.Next(&row, &status));
  REQUIRE(csv.Next(&row, &status));
  CHECK(Says(status, "quote"));
  CHECK(!csv.Next(&row, &status));
}

TEST_CASE("lines are counted without the header") {
  std::istringstream in("a,b\n1,\"2\n3\"\n\n4,5\n");
  CHECK(CountRows(in) == 2);
  std::istringstream empty("");
  CHECK(CountRows(empty) == 0);
}

}  // namespace
}  // namespace predictd::client
