#include "tests/unit/model/torch/transposed.h"

#include <torch/script.h>

#include "server/model/linear_layers.h"
#include "server/model/script_program.h"

namespace predictd::model {
namespace {

std::vector<float> Run(const ScriptProgram& program, const at::Tensor& rows) {
  const at::Tensor output = program.Run({rows}).toTensor().contiguous();
  return {output.data_ptr<float>(), output.data_ptr<float>() + output.numel()};
}

}  // namespace

Transposed Transpose(const std::string& source, int width) {
  torch::manual_seed(1);
  torch::jit::Module module("TestModel");
  module.register_buffer("w", torch::randn({5, width}));
  module.register_buffer("b", torch::randn({5}));
  module.define(source + "\n");
  module.eval();
  module = torch::jit::freeze(module);
  const at::Tensor rows = torch::randn({4, width});
  auto graph = module.get_method("forward").graph()->copy();
  Transposed result;
  result.before = Run(ScriptProgram(module), rows);
  result.layers = TransposeLinearLayers(*graph);
  result.after = Run(ScriptProgram(module, graph), rows);
  return result;
}

}  // namespace predictd::model
