// What libtorch must be told once per process and per thread.
#ifndef PREDICTD_SERVER_MODEL_TORCH_RUNTIME_H_
#define PREDICTD_SERVER_MODEL_TORCH_RUNTIME_H_

#include <string>

namespace predictd::model {

// Once, in main, before any other thread starts: no inter-op threads, no BLAS threads (OpenBLAS
// built with pthreads spins in sched_yield between calls), no fusers that compile while serving.
void PrepareTorch();

// First thing on every thread that runs models: one intra-op thread.
void PrepareTorchThread();

// "1.13.1"
std::string TorchVersion();

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TORCH_RUNTIME_H_
