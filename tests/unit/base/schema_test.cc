#include "server/base/schema.h"

#include <string>
#include <vector>

#include "tests/catch.h"

namespace predictd {
namespace {

uint64_t Fingerprint(std::vector<std::string> names) {
  return Schema(std::move(names)).fingerprint();
}

TEST_CASE("the fingerprint is FNV-1a 64 of the names joined by line breaks") {
  // The first three are vectors that the algorithm's authors published; all were computed by
  // another program.
  CHECK(Fingerprint({}) == 0xcbf29ce484222325);
  CHECK(Fingerprint({"a"}) == 0xaf63dc4c8601ec8c);
  CHECK(Fingerprint({"foobar"}) == 0x85944171f73967e8);
  CHECK(Fingerprint({"age", "income"}) == 0xf0aaa14fd9b76909);
  CHECK(Fingerprint({"age", "income", "visits"}) == 0xbc1dd22d58d949f1);
  CHECK(Fingerprint({"gr\u00f6\u00dfe", "alter"}) == 0x35d4eb92322b2108);
}

TEST_CASE("the order of names counts") {
  CHECK(Fingerprint({"income", "age"}) == 0x947b9c6a861d711f);
  CHECK(Fingerprint({"income", "age"}) != Fingerprint({"age", "income"}));
}

TEST_CASE("names are found by their position") {
  const Schema schema({"age", "income"});
  CHECK(schema.size() == 2);
  CHECK(schema.Find("age") == 0);
  CHECK(schema.Find("income") == 1);
  CHECK(schema.Find("Age") == -1);
  CHECK(schema.Find("") == -1);
  CHECK(schema.names() == std::vector<std::string>{"age", "income"});
}

}  // namespace
}  // namespace predictd
