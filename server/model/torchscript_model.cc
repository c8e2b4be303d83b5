#include "server/model/torchscript_model.h"

#include <c10/core/InferenceMode.h>
#include <torch/script.h>

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "server/base/status.h"
#include "server/model/dense_model.h"
#include "server/model/paced_file.h"
#include "server/model/signature.h"
#include "server/model/torch_model.h"
#include "server/model/torchscript_variants.h"

namespace predictd::model {
namespace {

// What a forward method gave: a tensor, or a tuple or list of them. Throws where it is anything
// else.
std::vector<at::Tensor> Outputs(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isTensorList()) return value.toTensorVector();
  const auto refuse = [] {
    throw std::runtime_error("forward must return a tensor, or a tuple or list of tensors");
  };
  if (!value.isTuple()) refuse();
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& element : value.toTupleRef().elements()) {
    if (!element.isTensor()) refuse();
    tensors.push_back(element.toTensor());
  }
  return tensors;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> LoadTorchScript(const std::string& directory, Pace pace,
                                                       const std::atomic<bool>& stopping) {
  // So that its parameters are inference tensors too: views of others, which every linear layer
  // makes in every run, carry autograd's books. Measured: 9.3 us for one row instead of 9.9.
  const c10::InferenceMode inference;
  torch::jit::ExtraFilesMap extra = {{"signature.json", ""}};
  torch::jit::Module module = torch::jit::load(
      std::make_shared<PacedFile>(directory + "/model.pt", pace, stopping), at::kCPU, extra);
  absl::StatusOr<v1::Signature> signature = ReadSignature(directory, extra["signature.json"]);
  if (!signature.ok()) return signature.status();

  Variants variants = FindVariants(std::move(module), *signature, directory);
  auto model = std::make_unique<TorchModel>(
      *signature, [program = std::move(variants.fastest)](const std::vector<at::Tensor>& inputs) {
        return Outputs(program.Run(inputs));
      });
  PREDICTD_RETURN_IF_ERROR(model->LearnOutputs());
  if (!variants.dense) return model;
  return PreferDense(std::move(model), *std::move(variants.dense), directory);
}

}  // namespace predictd::model
