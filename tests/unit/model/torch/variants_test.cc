#include "tests/unit/model/torch/variants.h"

#include <algorithm>
#include <cmath>

#include "server/base/log.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

namespace predictd::model {
namespace {

bool Same(const std::vector<float>& wanted, const std::vector<float>& got) {
  return std::equal(wanted.begin(), wanted.end(), got.begin(), got.end(),
                    [](float a, float b) { return std::abs(a - b) < 1e-4F; });
}

TEST_CASE("a form that is right for zeros alone is not taken, and the log says which of whose") {
  ConfigureLog(LogFormat::kText, LogLevel::kDebug);
  const CapturedLog log;
  // optimize_for_inference of libtorch 1.13 gets this one wrong.
  const FoundVariants found = RunVariants(R"(
def forward(self, x):
    y = torch.hardswish(torch.conv2d(x, self.a, None, [1, 1], [1, 1], [1, 1], 1))
    y = torch.hardswish(torch.conv2d(y, self.b, None, [1, 1], [1, 1], [1, 1], 1) + y)
    return torch.linear(torch.mean(y, [2, 3]), self.w, self.v)
)",
                                          {3, 8, 8});
  ConfigureLog(LogFormat::kText, LogLevel::kInfo);
  CHECK(Same(found.wanted, found.fastest));
  const bool refused = log.Count("folder=m/1 optimisation=optimize_for_inference reason=") == 1;
  CHECK(refused != Same(found.wanted, found.optimised));
}

TEST_CASE("a module that changes its input in place loses no optimisation by it") {
  const FoundVariants found = RunVariants(R"(
def forward(self, x):
    return torch.linear(torch.sigmoid_(x), self.w, self.v)
)",
                                          {8});
  CHECK(found.dense);
  CHECK(Same(found.wanted, found.fastest));
}

}  // namespace
}  // namespace predictd::model
