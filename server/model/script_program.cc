#include "server/model/script_program.h"

#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <utility>

namespace predictd::model {
namespace {

constexpr char kForward[] = "forward";

std::shared_ptr<torch::jit::Graph> Inlined(const torch::jit::Module& module) {
  auto graph = module.get_method(kForward).graph()->copy();
  torch::jit::Inline(*graph);
  return graph;
}

}  // namespace

ScriptProgram::ScriptProgram(const torch::jit::Module& module,
                             std::shared_ptr<torch::jit::Graph> graph)
    : module_(module._ivalue()),
      schema_(module.get_method(kForward).function().getSchema()),
      code_(std::move(graph), kForward) {}

ScriptProgram::ScriptProgram(const torch::jit::Module& module)
    : ScriptProgram(module, Inlined(module)) {}

c10::IValue ScriptProgram::Run(const std::vector<at::Tensor>& inputs) const {
  const c10::InferenceMode inference;
  // Of what could not be inlined.
  const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  torch::jit::Stack stack;
  stack.reserve(schema_.arguments().size());
  stack.emplace_back(module_);
  stack.insert(stack.end(), inputs.begin(), inputs.end());
  schema_.checkAndNormalizeInputs(stack);
  torch::jit::InterpreterState(code_).run(stack);
  return std::move(stack.front());
}

}  // namespace predictd::model
