#include "client/load/infer_request.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("inputs on the command line become tensors of zeros") {
  auto request = ParseInferInputs("x:FP32[17],ids:INT64[3,2],flag:BOOL[]");
  REQUIRE(request.ok());
  FillWithZeros(2, *request);
  REQUIRE(request->inputs_size() == 3);
  CHECK(request->inputs(0).name() == "x");
  CHECK(request->inputs(1).datatype() == "INT64");
  REQUIRE(request->inputs(1).shape_size() == 3);
  CHECK(request->inputs(1).shape(0) == 2);
  CHECK(request->inputs(1).shape(2) == 2);
  CHECK(request->raw_input_contents(0).size() == 2 * 17 * 4);
  CHECK(request->raw_input_contents(1).size() == 2 * 3 * 2 * 8);
  CHECK(request->raw_input_contents(2).size() == 2);
}

TEST_CASE("an input that cannot be read is named") {
  for (const char* wrong : {"x", "x:FP32", "x:WORD[1]", ":FP32[1]", "x:FP32[0]", "x:FP32[a]"}) {
    const auto request = ParseInferInputs(wrong);
    CAPTURE(wrong);
    REQUIRE_FALSE(request.ok());
    CHECK(request.status().message().find(wrong) != std::string::npos);
  }
}

}  // namespace
}  // namespace predictd::client
