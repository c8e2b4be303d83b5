// One TorchScript module in the form in which it runs fastest. Includes libtorch: only for the
// sources of this folder.
#ifndef PREDICTD_SERVER_MODEL_TORCHSCRIPT_VARIANT_H_
#define PREDICTD_SERVER_MODEL_TORCHSCRIPT_VARIANT_H_

#include <torch/script.h>

#include "server/model/torch_model.h"

namespace predictd::model {

// Calls `module` with the profiling executor off: frozen graphs are interpreted as they are.
// Measured here with libtorch 1.13.1 and a network 17-64-32-1: 7 instead of 14 us per run, and no
// re-optimisation per thread and shape while serving. May throw.
c10::IValue RunModule(const torch::jit::Module& module, std::vector<c10::IValue> inputs);

// The fastest of: the module frozen, and frozen plus optimize_for_inference (oneDNN); the latter
// only where its outputs for a sample are within 1e-5 of the frozen one's. A module that cannot be
// frozen is returned as it is, in eval mode; so is one whose signature leaves sizes open, for there
// may be no sample that it takes. May throw where the module itself does.
torch::jit::Module FastestVariant(torch::jit::Module module, const v1::Signature& signature);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TORCHSCRIPT_VARIANT_H_
