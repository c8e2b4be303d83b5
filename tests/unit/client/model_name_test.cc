#include "client/model_name.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("a model alone, with its version behind a slash or as a word of its own") {
  CHECK(ModelNameText(*ParseModelName({"churn"})) == "churn");
  CHECK(ModelNameText(*ParseModelName({"churn/3"})) == "churn/3");
  CHECK(ModelNameText(*ParseModelName({"churn", "3"})) == "churn/3");
  CHECK(ParseModelName({})->model.empty());
}

TEST_CASE("what names no model is refused with what to write") {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {""}, {"/"}, {"/3"}, {"churn/"}, {"churn/3/4"}, {"churn/3", "4"}, {"churn", "3/4"}}) {
    const auto name = ParseModelName(words);
    INFO(words[0]);
    REQUIRE_FALSE(name.ok());
    CHECK(name.status().message().find("write MODEL or MODEL/VERSION") != std::string::npos);
  }
}

}  // namespace
}  // namespace predictd::client
