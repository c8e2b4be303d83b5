#include <string>

#include "tests/catch.h"
#include "tests/unit/model/torch/transposed.h"

namespace predictd::model {
namespace {

void CheckSame(const Transposed& result) {
  REQUIRE(result.after.size() == result.before.size());
  for (size_t i = 0; i < result.before.size(); ++i) {
    CHECK(result.after[i] == Approx(result.before[i]).epsilon(1e-5).margin(1e-6));
  }
}

TEST_CASE("a transposed layer gives what it gave, with and without a bias") {
  const Transposed biased =
      Transpose("def forward(self, x): return torch.linear(x, self.w, self.b)");
  CHECK(biased.layers == 1);
  CheckSame(biased);
  const Transposed bare = Transpose("def forward(self, x): return torch.linear(x, self.w)");
  CHECK(bare.layers == 1);
  CheckSame(bare);
}

TEST_CASE("activations behind a transposed layer give what they gave") {
  for (const char* activation : {"relu", "sigmoid", "tanh"}) {
    const Transposed result =
        Transpose("def forward(self, x): return torch." + std::string(activation) +
                  "(torch.linear(x, self.w, self.b))");
    CHECK(result.layers == 1);
    CheckSame(result);
  }
}

TEST_CASE("a layer's output that others need too is not overwritten") {
  const Transposed result = Transpose(R"(
def forward(self, x):
    y = torch.linear(x, self.w, self.b)
    return torch.relu(y) - y
)");
  CHECK(result.layers == 1);
  CheckSame(result);
}

TEST_CASE("layers stay where weights are not constant or large, or the graph has branches") {
  const Transposed computed = Transpose("def forward(self, x): return torch.linear(x, x)");
  CHECK(computed.layers == 0);
  CheckSame(computed);
  const Transposed large =
      Transpose("def forward(self, x): return torch.linear(x, self.w, self.b)", 60'000);
  CHECK(large.layers == 0);
  CheckSame(large);
  const Transposed branching = Transpose(R"(
def forward(self, x):
    y = torch.linear(x, self.w, self.b)
    if bool(y.sum() > 0):
        y = -y
    return y
)");
  CHECK(branching.layers == 0);
  CheckSame(branching);
}

}  // namespace
}  // namespace predictd::model
