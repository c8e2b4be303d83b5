#include <string>

#include "tests/catch.h"
#include "tests/unit/model/torch/dense.h"

namespace predictd::model {
namespace {

void CheckSame(const std::string& source) {
  INFO(source);
  const Dense result = ReadDense(source);
  CHECK(result.refused.empty());
  REQUIRE(result.dense.size() == result.libtorch.size());
  for (size_t i = 0; i < result.dense.size(); ++i) {
    CHECK(result.dense[i] == Approx(result.libtorch[i]).epsilon(1e-5).margin(1e-6));
  }
}

std::string Returning(const std::string& expression) {
  return "def forward(self, x): return " + expression;
}

std::string Refused(const std::string& expression) {
  return ReadDense(Returning(expression)).refused;
}

TEST_CASE("each layer that dense kernels know gives what libtorch gives") {
  for (const char* expression :
       {"torch.linear(x, self.w, self.v)",
        "torch.linear(x, self.w)",
        "x + self.m",
        "x - self.m",
        "x * self.m",
        "x / self.s",
        "x + 1",
        "x - 1.5",
        "x * 3",
        "x / 4.0",
        "torch.relu(x)",
        "torch.relu_(x)",
        "torch.sigmoid(x)",
        "torch.tanh(x)",
        "torch.silu(x)",
        "torch.gelu(x)",
        "torch.leaky_relu(x, 0.2)",
        "torch.softmax(x, 1)",
        "torch.softmax(x, -1)",
        "torch.batch_norm(x, self.m, self.s, self.m, self.s, False, 0.1, 0.001, True)"}) {
    CheckSame(Returning(expression));
  }
}

TEST_CASE("layers one behind the other are a dense network, one last column squeezed away") {
  CheckSame(
      Returning("torch.sigmoid(torch.linear(torch.relu(torch.linear("
                "(x - self.m) / self.s, self.w, self.v)), self.w.t()))"));
  CheckSame(Returning("torch.linear(x, self.w[:1]).squeeze(-1)"));
  CheckSame(Returning("torch.linear(x, self.w[:1]).squeeze(1)"));
}

TEST_CASE("a question for the number of dimensions, as scripted modules ask, does not matter") {
  CheckSame(R"(
def forward(self, x):
    y = torch.linear(x, self.w, self.v)
    assert y.dim() == 2 or y.dim() == 3
    return torch.relu(y)
)");
}

TEST_CASE("that question does not matter behind any layer that dense kernels know") {
  for (const char* layer :
       {"x + self.m",
        "x - self.m",
        "x * self.m",
        "x / self.s",
        "x.add_(self.m)",
        "x.sub_(1.5)",
        "x.mul_(3)",
        "x.div_(self.s)",
        "torch.relu(x)",
        "torch.relu_(x)",
        "torch.leaky_relu(x, 0.2)",
        "torch.leaky_relu_(x, 0.2)",
        "torch.sigmoid(x)",
        "torch.sigmoid_(x)",
        "torch.tanh(x)",
        "torch.tanh_(x)",
        "torch.silu(x)",
        "torch.silu_(x)",
        "torch.gelu(x)",
        "torch.softmax(x, 1)",
        "torch.batch_norm(x, self.m, self.s, self.m, self.s, False, 0.1, 0.001, True)"}) {
    CheckSame(std::string(R"(
def forward(self, x):
    y = )") + layer +
              R"(
    assert y.dim() == 2 or y.dim() == 3
    return torch.relu(y)
)");
  }
}

TEST_CASE("a constant that adds a dimension is no layer, whatever is asked behind it") {
  CHECK(ReadDense(R"(
def forward(self, x):
    y = x + self.m.reshape(1, 1, 3)
    assert y.dim() == 3
    return torch.relu(y)
)")
            .refused == "aten::add");
}

TEST_CASE("what is no such chain is refused by the operator's name") {
  CHECK(Refused("torch.exp(x)") == "aten::exp");
  CHECK(Refused("torch.linear(x, x)") == "aten::linear");
  CHECK(Refused("torch.add(x, self.m, alpha=2)") == "aten::add");
  CHECK(Refused("torch.div(x, self.s, rounding_mode='floor')") == "aten::div");
  CHECK(Refused("torch.gelu(x, approximate='tanh')") == "aten::gelu");
  CHECK(Refused("torch.softmax(x, 0)") == "aten::softmax");
  CHECK(Refused("x + torch.relu(x)") != "");
  CHECK(Refused("torch.relu(torch.relu(x) * x)") != "");
  CHECK(Refused("x.squeeze(0)") == "aten::squeeze");
  CHECK(Refused("self.m - x") != "");
}

TEST_CASE("networks of more weights than a core's cache holds are left to libtorch") {
  const std::string wide = Returning(
      "torch.linear(torch.linear(torch.relu(torch.linear(x, self.w)), self.w.t()), self.w)");
  CHECK(ReadDense(wide, 8'000).refused.empty());
  std::string deep = "x";
  for (int i = 0; i < 12; ++i)
    deep = "torch.linear(torch.linear(" + deep + ", self.w), self.w.t())";
  CHECK(ReadDense(Returning(deep), 8'000).refused == "more than 524288 weights");
}

TEST_CASE("layers of very many columns, or of none, are left to libtorch") {
  CHECK(ReadDense(Returning("torch.linear(x, self.w)"), 9'000).refused == "aten::linear");
  CHECK(ReadDense(Returning("torch.linear(torch.linear(x, self.w[:0]), self.w[:, :0])")).refused ==
        "aten::linear");
}

}  // namespace
}  // namespace predictd::model
