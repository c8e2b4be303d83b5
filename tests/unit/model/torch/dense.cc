#include "tests/unit/model/torch/dense.h"

#include <torch/script.h>

#include "server/model/dense_graph.h"

namespace predictd::model {

Dense ReadDense(const std::string& source, int width) {
  constexpr int kRows = 4;
  constexpr int kInputs = 3;
  torch::manual_seed(1);
  torch::jit::Module module("TestModel");
  module.register_buffer("w", torch::randn({width, kInputs}));
  module.register_buffer("v", torch::randn({width}));
  module.register_buffer("m", torch::randn({kInputs}));
  module.register_buffer("s", torch::rand({kInputs}) + 0.5);
  module.define(source + "\n");
  module.eval();
  module = torch::jit::freeze(module);
  const at::Tensor rows = torch::randn({kRows, kInputs});
  // A graph may change its input in place.
  const at::Tensor output = module.forward({rows.clone()}).toTensor().contiguous();
  Dense result;
  result.libtorch.assign(output.data_ptr<float>(), output.data_ptr<float>() + output.numel());
  const auto network = ReadDenseNetwork(*module.get_method("forward").graph(), kInputs);
  if (!network.ok()) {
    result.refused = std::string(network.status().message());
    return result;
  }
  result.dense.resize(static_cast<size_t>(kRows) * network->outputs());
  network->Run(kRows, rows.data_ptr<float>(), result.dense.data());
  return result;
}

}  // namespace predictd::model
