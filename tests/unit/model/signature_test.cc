#include "server/model/signature.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "tests/catch.h"

namespace predictd::model {
namespace {

constexpr char kGood[] = R"({
  "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
  "outputs": [{"name": "y", "datatype": "FP32", "shape": ["-1", "1"]}],
  "features": [{"name": "age", "default_value": 30}, {"name": "hours"}],
  "golden": [{"features": [1, 2], "outputs": [3], "tolerance": 0.001}]
})";

TEST_CASE("a signature is read from JSON, 64-bit numbers as numbers or as strings") {
  const auto signature = ParseSignature(kGood);
  REQUIRE(signature.ok());
  CHECK(signature->inputs(0).shape(1) == 2);
  CHECK(signature->outputs(0).shape(0) == -1);
  CHECK(signature->features(0).has_default_value());
  CHECK_FALSE(signature->features(1).has_default_value());
  CHECK(GoldenTolerance(signature->golden(0)) == 0.001F);
}

TEST_CASE("an input left open for its features is as wide as they are many") {
  const auto signature = ParseSignature(absl::StrReplaceAll(kGood, {{"[-1, 2]", "[-1, -1]"}}));
  REQUIRE(signature.ok());
  CHECK(signature->inputs(0).shape(1) == 2);
}

TEST_CASE("a golden case without a tolerance has a small one") {
  CHECK(GoldenTolerance(v1::GoldenCase()) == 1e-5F);
}

TEST_CASE("a wrong signature is refused with the name of the field") {
  struct Case {
    const char* from;
    const char* to;
    const char* field;
  };
  const Case cases[] = {
      {"\"inputs\"", "\"inptus\"", "JSON"},
      {"\"FP32\", \"shape\": [-1, 2]", "\"FLOAT\", \"shape\": [-1, 2]", "inputs[0]"},
      {"[-1, 2]", "[1, 2]", "inputs[0]"},
      {"[-1, 2]", "[-1, 3]", "inputs[0]"},
      {"[-1, 2]", "[-1, 0]", "inputs[0]"},
      {"\"name\": \"y\"", "\"name\": \"\"", "outputs[0]"},
      {"\"hours\"", "\"age\"", "features[1]"},
      {"30", "\"NaN\"", "features[0]"},
      {"[1, 2]", "[1]", "golden[0]"},
      {"0.001", "-1", "golden[0]"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.to);
    const auto signature = ParseSignature(absl::StrReplaceAll(kGood, {{c.from, c.to}}));
    REQUIRE_FALSE(signature.ok());
    CHECK(absl::StrContains(signature.status().message(), c.field));
  }
  // Its rows would have no size.
  CHECK_FALSE(ParseSignature(R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, -1]}],
                                 "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
                                 "golden": [{"outputs": [1]}]})")
                  .ok());
  CHECK_FALSE(ParseSignature("").ok());
  CHECK_FALSE(ParseSignature("{}").ok());
}

TEST_CASE("what the JSON parser says of a signature is one line") {
  const auto signature = ParseSignature("{\"inputs\": [\n  oops]}");
  REQUIRE_FALSE(signature.ok());
  CHECK_FALSE(absl::StrContains(signature.status().message(), '\n'));
  CHECK(absl::StrContains(signature.status().message(), "oops"));
}

}  // namespace
}  // namespace predictd::model
