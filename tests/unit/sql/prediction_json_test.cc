#include "server/sql/prediction_json.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

#include "tests/catch.h"

namespace predictd {
namespace {

std::string FeaturesJson(std::vector<std::string> names, const std::vector<float>& values) {
  std::string json;
  AppendFeaturesJson(Schema(std::move(names)), values, json);
  return json;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

TEST_CASE("predictions are written as plain JSON") {
  CHECK(FeaturesJson({"age", "a\"b"}, {1.5F, -2}) == R"({"age":1.5,"a\"b":-2})");
  CHECK(FeaturesJson({}, {}) == "{}");
  std::string outputs;
  AppendOutputsJson({0.25F, 3}, outputs);
  CHECK(outputs == "[0.25,3]");
}

TEST_CASE("awkward floats come back with the same bits") {
  using Limits = std::numeric_limits<float>;
  std::vector<float> values = {0.0F,
                               -0.0F,
                               0.1F,
                               1.0F / 3,
                               Limits::max(),
                               Limits::min(),
                               -Limits::max(),
                               Limits::denorm_min(),
                               16777217.0F,
                               1e-10F,
                               Limits::epsilon()};
  std::mt19937 random(1);
  while (values.size() < 20000) {
    const uint32_t bits = random();
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) values.push_back(value);
  }
  std::string json;
  AppendOutputsJson(values, json);
  const auto read = ParseOutputsJson(json);
  REQUIRE(read.ok());
  CHECK(SameBits(*read, values));
}

TEST_CASE("awkward names come back as they were") {
  const std::vector<std::string> names = {
      "",     "a b",    "quote\"",    "back\\slash", "tab\t",     std::string("nul\0in", 6),
      "café", "日本語", "🙂 smile", "\x7f",        "slash/and", "line\nbreak\r\b\f\x01\x1f"};
  const std::vector<float> values(names.size(), 2);
  const auto read = ParseFeaturesJson(FeaturesJson(names, values));
  REQUIRE(read.ok());
  CHECK(read->names == names);
  CHECK(SameBits(read->values, values));
}

TEST_CASE("JSON that others wrote is read where it means the same") {
  const auto features = ParseFeaturesJson(" { \"\\u0061\" : 1 , \"\\ud83d\\ude42\\/\":2e1 } \n");
  REQUIRE(features.ok());
  CHECK(features->names == std::vector<std::string>{"a", "🙂/"});
  CHECK(features->values == std::vector<float>{1, 20});
  CHECK(ParseFeaturesJson("{ }")->names.empty());
  CHECK(ParseOutputsJson("[ ]")->empty());
  CHECK(*ParseOutputsJson("[1, -0.5E-1]") == std::vector<float>{1, -0.05F});
}

TEST_CASE("anything else is an error, never a wrong value") {
  for (const char* text : {"",
                           "{",
                           "[]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{\"a\":1}}",
                           "{a:1}",
                           "{\"a\":null}",
                           "{\"a\":\"1\"}",
                           "{\"a\":{}}",
                           "{\"a\":1,\"a\":2}",
                           "{\"a\":01}",
                           "{\"a\":.5}",
                           "{\"a\":5.}",
                           "{\"a\":+1}",
                           "{\"a\":inf}",
                           "{\"a\":nan}",
                           "{\"a\":0x1}",
                           "{\"a\":1e}",
                           "{\"a\":1e999}",
                           "{\"a\\x\":1}",
                           "{\"\\ud83d\":1}",
                           "{\"\\ude42\":1}",
                           "{\"\\u12\":1}",
                           "{\"\\u-123\":1}",
                           "{\"a\n\":1}",
                           "{\"a"}) {
    INFO(text);
    CHECK(ParseFeaturesJson(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
  for (const char* text :
       {"", "[", "[1", "[1,]", "[,1]", "[1 2]", "{}", "[NaN]", "[1]x", "[[1]]"}) {
    INFO(text);
    CHECK(ParseOutputsJson(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("every cut of a record is an error") {
  const std::string whole = FeaturesJson({"age", "naïve\n"}, {1.5F, -2e-10F});
  for (size_t length = 0; length < whole.size(); ++length) {
    CHECK(!ParseFeaturesJson(absl::string_view(whole).substr(0, length)).ok());
  }
}

}  // namespace
}  // namespace predictd
