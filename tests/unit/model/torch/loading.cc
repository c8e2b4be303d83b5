#include "tests/unit/model/torch/loading.h"

#include <torch/script.h>

#include <atomic>

#include "server/model/load_model.h"
#include "tests/fakes/model_folder.h"

namespace predictd::model {

std::string WhyNotLoaded(const std::string& source) {
  ModelFolder folder;
  torch::jit::Module module("TestModel");
  module.define(source + "\n");
  module.save(folder.path() + "/model.pt");
  folder.Write("signature.json",
               R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
                                     "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}]})");
  const std::atomic<bool> stopping{false};
  return std::string(LoadModel(folder.path(), Pace::kFast, stopping).status().message());
}

}  // namespace predictd::model
