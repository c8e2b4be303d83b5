#include "server/model/torchscript_model.h"

#include <torch/script.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/model/signature.h"
#include "server/model/torch_model.h"
#include "server/model/torch_runtime.h"
#include "server/model/torchscript_variant.h"

namespace predictd::model {
namespace {

// What a forward method gave: a tensor, or a tuple or list of them. Throws where it is anything
// else.
std::vector<at::Tensor> Outputs(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (!value.isTuple()) return value.toTensorVector();
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& element : value.toTupleRef().elements()) {
    tensors.push_back(element.toTensor());
  }
  return tensors;
}

absl::StatusOr<std::unique_ptr<Model>> Load(const std::string& directory) {
  const std::string model_path = directory + "/model.pt";
  const std::string signature_path = directory + "/signature.json";
  // The repository's thread runs the model too, while others serve.
  PrepareTorchThread();
  torch::jit::ExtraFilesMap extra = {{"signature.json", ""}};
  torch::jit::Module module = torch::jit::load(model_path, at::kCPU, extra);

  std::string json = extra["signature.json"];
  if (std::filesystem::exists(signature_path)) {
    std::ifstream file(signature_path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return absl::FailedPreconditionError("cannot read " + signature_path);
    json = text.str();
  }
  if (json.empty()) {
    return absl::FailedPreconditionError(
        "no signature: put signature.json beside model.pt, or save the model with "
        "_extra_files={'signature.json': ...}");
  }
  absl::StatusOr<v1::Signature> signature = ParseSignature(json);
  if (!signature.ok()) return absl::FailedPreconditionError(signature.status().message());

  module = FastestVariant(std::move(module), *signature);
  auto model = std::make_unique<TorchModel>(
      *std::move(signature), [module = std::move(module)](const std::vector<at::Tensor>& inputs) {
        return Outputs(RunModule(module, {inputs.begin(), inputs.end()}));
      });
  PREDICTD_RETURN_IF_ERROR(model->LearnOutputs());
  return model;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> LoadTorchScript(const std::string& directory) {
  try {
    return Load(directory);
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("libtorch cannot load or run model.pt: ", ShortMessage(error)));
  } catch (...) {
    return absl::FailedPreconditionError("libtorch cannot load model.pt: unknown exception");
  }
}

}  // namespace predictd::model
