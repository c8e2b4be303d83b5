#include "server/model/torchscript_variants.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/model/dense_graph.h"
#include "server/model/linear_layers.h"
#include "server/model/timed_runs.h"

namespace predictd::model {
namespace {

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

// Of tensors of its own: a module may change its inputs in place.
c10::IValue RunOnCopy(const ScriptProgram& program, const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> copy;
  copy.reserve(inputs.size());
  for (const at::Tensor& input : inputs) copy.push_back(input.clone());
  return program.Run(copy);
}

// What a variant is tried on: one row, where it may lose a dimension, and as many as most batches
// under load have.
class Samples {
 public:
  explicit Samples(const v1::Signature& signature) {
    for (const int rows : {1, kTimedRows}) samples_.push_back(SampleInputs(signature, rows));
  }

  // Random ones too, since zeros hide what a wrong kernel does with weights. Only for a module that
  // does not branch: a loop might never end on them.
  void AddRandom(const v1::Signature& signature, const ScriptProgram& plain) {
    for (const int rows : {1, kTimedRows}) {
      std::vector<at::Tensor> random = RandomInputs(signature, rows);
      try {
        RunOnCopy(plain, random);
        samples_.push_back(std::move(random));
      } catch (const std::exception&) {
        // It does not take just any number: the usual ones have to do.
      }
    }
  }

  // Throws where they do not give the same.
  void Compare(const ScriptProgram& wanted, const ScriptProgram& got) const {
    for (const std::vector<at::Tensor>& inputs : samples_) {
      if (!NearlyEqual(RunOnCopy(wanted, inputs), RunOnCopy(got, inputs))) {
        throw std::runtime_error("its outputs differ by more than 1e-5");
      }
    }
  }

  double RunSeconds(const ScriptProgram& program) const {
    return BestSeconds([&] { RunOnCopy(program, samples_.back()); });
  }

 private:
  std::vector<std::vector<at::Tensor>> samples_;  // those of many rows last
};

// Some modules cannot be frozen or optimised (attributes that are written to, operators without
// a counterpart): that is no error, they run as they are.
template <typename Transform>
auto Try(const char* what, const std::string& directory, Transform transform)
    -> std::optional<decltype(transform())> {
  try {
    return transform();
  } catch (const std::exception& error) {
    Log(LogLevel::kDebug, "model runs without an optimisation",
        {{"folder", directory}, {"optimisation", what}, {"reason", error.what()}});
    return std::nullopt;
  }
}

ScriptProgram Transposed(const torch::jit::Module& frozen) {
  auto graph = frozen.get_method("forward").graph()->copy();
  if (TransposeLinearLayers(*graph) == 0) throw std::runtime_error("there are none, or branches");
  return {frozen, std::move(graph)};
}

ScriptProgram Optimised(const torch::jit::Module& frozen) {
  torch::jit::Module copy = frozen.deepcopy();
  return ScriptProgram(torch::jit::optimize_for_inference(copy));
}

// Besides the batch.
bool HasFreeSizes(const v1::Signature& signature) {
  return std::any_of(signature.inputs().begin(), signature.inputs().end(),
                     [](const v1::Tensor& input) {
                       return std::count(input.shape().begin(), input.shape().end(), -1) > 1;
                     });
}

// Of a module with one input, where it is one.
std::optional<DenseNetwork> Dense(const torch::jit::Module& frozen, const v1::Signature& signature,
                                  const std::string& directory) {
  return Try("dense kernels", directory, [&] {
    const v1::Tensor& input = signature.inputs(0);
    if (input.shape_size() != 2) throw std::runtime_error("its input has not two dimensions");
    auto network = ReadDenseNetwork(*frozen.get_method("forward").graph(), input.shape(1));
    if (!network.ok()) throw std::runtime_error(std::string(network.status().message()));
    return *std::move(network);
  });
}

}  // namespace

Variants FindVariants(torch::jit::Module module, const v1::Signature& signature,
                      const std::string& directory) {
  module.eval();
  const ScriptProgram plain(module);
  if (HasFreeSizes(signature)) return {plain, {}};
  Samples samples(signature);
  const auto frozen = Try("freeze", directory, [&] {
    torch::jit::Module result = torch::jit::freeze(module);
    if (IsStraight(*result.get_method("forward").graph())) samples.AddRandom(signature, plain);
    samples.Compare(plain, ScriptProgram(result));
    return result;
  });
  if (!frozen) return {plain, {}};
  const ScriptProgram reference(*frozen);

  // Before optimize_for_inference, whose copy shares the graph that it changes.
  std::optional<DenseNetwork> dense = Dense(*frozen, signature, directory);
  ScriptProgram fastest = reference;
  double fastest_seconds = samples.RunSeconds(fastest);
  const auto consider = [&](const char* what, ScriptProgram (*make)(const torch::jit::Module&)) {
    const auto variant = Try(what, directory, [&] {
      ScriptProgram program = make(*frozen);
      samples.Compare(reference, program);
      return program;
    });
    if (!variant) return;
    const double seconds = samples.RunSeconds(*variant);
    if (seconds >= fastest_seconds) return;
    fastest = *variant;
    fastest_seconds = seconds;
  };
  consider("transposed linear layers", Transposed);
  consider("optimize_for_inference", Optimised);
  return {fastest, std::move(dense)};
}

}  // namespace predictd::model
