#include "tests/unit/model/torch/variants.h"

#include <torch/script.h>

#include "server/model/torchscript_variants.h"

namespace predictd::model {
namespace {

std::vector<float> Run(const ScriptProgram& program, const at::Tensor& rows) {
  const at::Tensor output = program.Run({rows.clone()}).toTensor().contiguous();
  return {output.data_ptr<float>(), output.data_ptr<float>() + output.numel()};
}

}  // namespace

FoundVariants RunVariants(const std::string& source, const std::vector<int64_t>& row) {
  const c10::InferenceMode inference;
  torch::manual_seed(2);
  torch::jit::Module module("TestModel");
  module.register_buffer("a", torch::randn({8, 3, 3, 3}) / 3);
  module.register_buffer("b", torch::randn({8, 8, 3, 3}) / 8);
  module.register_buffer("w", torch::randn({1, 8}));
  module.register_buffer("v", torch::randn({1}));
  module.define(source + "\n");
  v1::Signature signature;
  v1::Tensor& input = *signature.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(-1);
  std::vector<int64_t> shape = {8};
  for (const int64_t size : row) {
    input.add_shape(size);
    shape.push_back(size);
  }
  const Variants variants = FindVariants(module, signature, "m/1");
  const at::Tensor rows = torch::randn(shape);
  FoundVariants found = {Run(ScriptProgram(module), rows),
                         Run(variants.fastest, rows),
                         variants.dense.has_value(),
                         {}};
  module.eval();
  torch::jit::Module frozen = torch::jit::freeze(module);
  found.optimised = Run(ScriptProgram(torch::jit::optimize_for_inference(frozen)), rows);
  return found;
}

}  // namespace predictd::model
