#include "client/output_names.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

using Names = std::vector<std::string>;

void AddOutput(v1::Signature& signature, const std::string& name,
               const std::vector<int64_t>& shape) {
  auto* tensor = signature.add_outputs();
  tensor->set_name(name);
  for (const int64_t size : shape) tensor->add_shape(size);
}

TEST_CASE("a tensor with one value per row gives its name") {
  v1::Signature signature;
  AddOutput(signature, "probability", {-1});
  AddOutput(signature, "logit", {-1, 1});
  CHECK(OutputNames(&signature, 2) == Names{"probability", "logit"});
  CHECK(DeclaredOutputs(signature) == 2);
}

TEST_CASE("a tensor with several values per row is numbered") {
  v1::Signature signature;
  AddOutput(signature, "score", {-1, 3});
  AddOutput(signature, "grid", {-1, 2, 2});
  CHECK(OutputNames(&signature, 7) ==
        Names{"score[0]", "score[1]", "score[2]", "grid[0]", "grid[1]", "grid[2]", "grid[3]"});
}

TEST_CASE("one tensor of open size takes what the others leave") {
  v1::Signature signature;
  AddOutput(signature, "top", {-1, -1});
  AddOutput(signature, "score", {-1});
  CHECK(OutputNames(&signature, 3) == Names{"top[0]", "top[1]", "score"});
  CHECK(DeclaredOutputs(signature) == 0);
}

TEST_CASE("without a fitting signature the outputs are numbered") {
  v1::Signature signature;
  AddOutput(signature, "probability", {-1});
  CHECK(OutputNames(&signature, 2) == Names{"output[0]", "output[1]"});
  CHECK(OutputNames(nullptr, 1) == Names{"output[0]"});
}

}  // namespace
}  // namespace predictd::client
