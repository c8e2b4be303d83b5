// A TorchScript graph ready to run. Includes libtorch: only for the sources of this folder.
#ifndef PREDICTD_SERVER_MODEL_SCRIPT_PROGRAM_H_
#define PREDICTD_SERVER_MODEL_SCRIPT_PROGRAM_H_

#include <torch/csrc/jit/runtime/interpreter.h>
#include <torch/script.h>

#include <memory>
#include <vector>

namespace predictd::model {

// Interprets the graph as it is, past the profiling executor of a module's methods: that one
// re-optimises per thread and shape while serving, and costs 0.7 us per run where it is told not
// to (measured with libtorch 1.13.1). Constant; any thread, several at once.
class ScriptProgram {
 public:
  // The forward method of `module`, whose schema and parameters it goes by; `graph` is that
  // method's, or one that takes and gives the same.
  ScriptProgram(const torch::jit::Module& module, std::shared_ptr<torch::jit::Graph> graph);
  // The forward method as it stands, what it calls inlined.
  explicit ScriptProgram(const torch::jit::Module& module);

  // Throws where the schema wants other inputs, or where the network does.
  c10::IValue Run(const std::vector<at::Tensor>& inputs) const;

 private:
  c10::IValue module_;  // the graph's first input
  c10::FunctionSchema schema_;
  torch::jit::Code code_;
};

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_SCRIPT_PROGRAM_H_
