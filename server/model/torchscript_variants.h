// One TorchScript module in the forms in which it runs faster. Includes libtorch: only for the
// sources of this folder.
#ifndef PREDICTD_SERVER_MODEL_TORCHSCRIPT_VARIANTS_H_
#define PREDICTD_SERVER_MODEL_TORCHSCRIPT_VARIANTS_H_

#include <torch/script.h>

#include <optional>
#include <string>

#include "server/model/dense_network.h"
#include "server/model/script_program.h"
#include "server/model/torch_model.h"

namespace predictd::model {

// `fastest` of: the module frozen, that one with its linear layers transposed (linear_layers.h),
// and frozen plus optimize_for_inference (oneDNN); each only where its outputs for samples, random
// rows among them where the module takes such, are within 1e-5 of what it was made from. A module
// that cannot be frozen runs as it is, in eval mode; so does one whose signature leaves sizes open,
// for there may be no sample that it takes. `directory` is the version's, for the log. May throw.
struct Variants {
  ScriptProgram fastest;
  // The frozen module as a dense network, where it is one; not run yet.
  std::optional<DenseNetwork> dense;
};
Variants FindVariants(torch::jit::Module module, const v1::Signature& signature,
                      const std::string& directory);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TORCHSCRIPT_VARIANTS_H_
