#include "client/json_object.h"

#include <cmath>

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("fields keep their order and their kind") {
  JsonObject object;
  CHECK(object.Text() == "{}");
  object.AddText("b", "x\"y").AddInteger("a", -3).AddFloat("f", 0.1f).AddRounded("r", 2.0 / 3, 2);
  object.AddJson("list", "[1]");
  CHECK(object.Text() == R"({"b":"x\"y","a":-3,"f":0.1,"r":0.67,"list":[1]})");
}

TEST_CASE("numbers that JSON cannot hold become null") {
  JsonObject object;
  object.AddFloat("f", NAN).AddRounded("r", INFINITY, 1);
  CHECK(object.Text() == R"({"f":null,"r":null})");
}

}  // namespace
}  // namespace predictd::client
