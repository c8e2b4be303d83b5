// Compiled where libtorch has AOTInductor's package loader; else aoti_unavailable.cc is.
#include "server/model/aoti_model.h"

#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <utility>
#include <vector>

#include "server/base/status.h"
#include "server/model/signature.h"
#include "server/model/torch_model.h"

namespace predictd::model {

bool AotInductorAvailable() { return true; }

absl::StatusOr<std::unique_ptr<Model>> LoadAotInductor(const std::string& directory) {
  absl::StatusOr<v1::Signature> signature = ReadSignature(directory, "");
  if (!signature.ok()) return signature.status();
  // Unpacks the compiled network into a temporary folder that is gone with the loader. Runs of
  // several threads wait for each other inside.
  auto loader = std::make_shared<torch::inductor::AOTIModelPackageLoader>(directory + "/model.pt2");
  auto model = std::make_unique<TorchModel>(
      *std::move(signature),
      [loader](const std::vector<at::Tensor>& inputs) { return loader->run(inputs); });
  PREDICTD_RETURN_IF_ERROR(model->LearnOutputs());
  return model;
}

}  // namespace predictd::model
