#include "server/model/torchscript_variant.h"

#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "server/base/log.h"

namespace predictd::model {
namespace {

// Where most batches under load lie.
constexpr int kSampleRows = 8;
constexpr int kTimedRuns = 5;
constexpr double kEqualWithin = 1e-5;

std::vector<at::Tensor> Tensors(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  std::vector<at::Tensor> tensors;
  if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) {
      if (element.isTensor()) tensors.push_back(element.toTensor());
    }
  } else if (value.isTensorList()) {
    for (const at::Tensor& element : value.toTensorVector()) tensors.push_back(element);
  }
  return tensors;
}

bool NearlyEqual(const c10::IValue& left, const c10::IValue& right) {
  const std::vector<at::Tensor> lefts = Tensors(left);
  const std::vector<at::Tensor> rights = Tensors(right);
  return !lefts.empty() &&
         std::equal(lefts.begin(), lefts.end(), rights.begin(), rights.end(),
                    [](const at::Tensor& a, const at::Tensor& b) {
                      return a.sizes() == b.sizes() &&
                             at::allclose(a.to(at::kDouble), b.to(at::kDouble), kEqualWithin,
                                          kEqualWithin, /*equal_nan=*/true);
                    });
}

// Best of a few runs; the first one, which builds kernels, does not count.
double RunSeconds(const torch::jit::Module& module, const std::vector<c10::IValue>& sample) {
  double best = 1e9;
  for (int i = 0; i <= kTimedRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    RunModule(module, sample);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (i > 0) best = std::min(best, took.count());
  }
  return best;
}

// Some modules cannot be frozen or optimised (attributes that are written to, operators without
// a counterpart): that is no error, they run as they are.
template <typename Transform>
std::optional<torch::jit::Module> Try(const char* what, Transform transform) {
  try {
    return transform();
  } catch (const std::exception& error) {
    Log(LogLevel::kDebug, "model runs without an optimisation",
        {{"optimisation", what}, {"reason", error.what()}});
    return std::nullopt;
  }
}

// Besides the batch, and the width of an input that takes features.
bool HasFreeSizes(const v1::Signature& signature) {
  if (!signature.features().empty()) return false;
  return std::any_of(signature.inputs().begin(), signature.inputs().end(),
                     [](const v1::Tensor& input) {
                       return std::count(input.shape().begin(), input.shape().end(), -1) > 1;
                     });
}

}  // namespace

c10::IValue RunModule(const torch::jit::Module& module, std::vector<c10::IValue> inputs) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  return module.get_method("forward")(std::move(inputs));
}

torch::jit::Module FastestVariant(torch::jit::Module module, const v1::Signature& signature) {
  module.eval();
  if (HasFreeSizes(signature)) return module;
  const std::vector<at::Tensor> tensors = SampleInputs(signature, kSampleRows);
  const std::vector<c10::IValue> sample(tensors.begin(), tensors.end());
  const c10::IValue expected = RunModule(module, sample);
  auto frozen = Try("freeze", [&] { return torch::jit::freeze(module); });
  if (!frozen || !NearlyEqual(expected, RunModule(*frozen, sample))) return module;
  auto optimised = Try("optimize_for_inference", [&] {
    torch::jit::Module copy = frozen->deepcopy();
    copy = torch::jit::optimize_for_inference(copy);
    if (!NearlyEqual(expected, RunModule(copy, sample))) {
      throw std::runtime_error("its outputs differ by more than 1e-5");
    }
    return copy;
  });
  if (optimised && RunSeconds(*optimised, sample) < RunSeconds(*frozen, sample)) {
    return *optimised;
  }
  return *frozen;
}

}  // namespace predictd::model
