// The example's model as whoever serves it with libtorch by hand should load and run it: frozen,
// one thread, no gradients, no profiling of the graph. Nothing slower would be a fair comparison.
#ifndef PREDICTD_BENCH_FROZEN_MODULE_H_
#define PREDICTD_BENCH_FROZEN_MODULE_H_

#include <ATen/Parallel.h>
#include <torch/script.h>

#include <string>
#include <utility>

namespace predictd::bench {

class FrozenModule {
 public:
  // Throws c10::Error where the file is no TorchScript archive.
  explicit FrozenModule(const std::string& path) {
    at::set_num_interop_threads(1);
    at::set_num_threads(1);
    const c10::InferenceMode inference;  // of the parameters, too
    torch::jit::Module module = torch::jit::load(path, at::kCPU);
    module.eval();
    module_ = torch::jit::freeze(module);
  }

  // From any number of threads at once.
  at::Tensor Run(at::Tensor rows) const {
    // The number of threads is each thread's own setting.
    thread_local const bool single = (at::set_num_threads(1), true);
    static_cast<void>(single);
    const c10::InferenceMode inference;
    const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    return module_.get_method("forward")({std::move(rows)}).toTensor();
  }

 private:
  torch::jit::Module module_;
};

}  // namespace predictd::bench

#endif  // PREDICTD_BENCH_FROZEN_MODULE_H_
