#include "server/model/torch_runtime.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#include <torch/version.h>

namespace predictd::model {

void PrepareTorch() {
  at::set_num_interop_threads(1);
  at::set_num_threads(1);
  // On libtorch 2.6 the LLVM fuser went into an endless loop on an optimised graph.
  torch::jit::setTensorExprFuserEnabled(false);
  // Which BLAS is installed is the machine's choice, so its control is looked up, not linked.
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(1);
  }
}

void PrepareTorchThread() { at::set_num_threads(1); }

std::string TorchVersion() { return TORCH_VERSION; }

}  // namespace predictd::model
