#include "tests/unit/model/torch/loading.h"

#include <algorithm>

#include "tests/catch.h"

namespace predictd::model {
namespace {

TEST_CASE("a model that gives no tensors is refused with what it has to give") {
  CHECK(WhyNotLoaded("def forward(self, x): return x").empty());
  CHECK(WhyNotLoaded("def forward(self, x): return [x]").empty());
  CHECK(WhyNotLoaded("def forward(self, x): return (x,)").empty());
  for (const char* expression : {"{'y': x}", "None", "'y'", "(x, 'y')", "[1]"}) {
    const std::string why = WhyNotLoaded("def forward(self, x): return " + std::string(expression));
    INFO(expression << ": " << why);
    const std::string end = "forward must return a tensor, or a tuple or list of tensors";
    CHECK(why.substr(why.size() - std::min(why.size(), end.size())) == end);
  }
}

}  // namespace
}  // namespace predictd::model
