#include "server/model/load_model.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "server/model/aoti_model.h"
#include "server/model/torch_model.h"
#include "server/model/torch_runtime.h"
#include "server/model/torchscript_model.h"

namespace predictd::model {

absl::StatusOr<std::unique_ptr<Model>> LoadModel(const std::string& directory) {
  const bool package =
      std::filesystem::exists(directory + "/model.pt2") &&
      (AotInductorAvailable() || !std::filesystem::exists(directory + "/model.pt"));
  const char* const file = package ? "model.pt2" : "model.pt";
  try {
    // The calling thread runs the model too, while others serve.
    PrepareTorchThread();
    return package ? LoadAotInductor(directory) : LoadTorchScript(directory);
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("libtorch cannot load or run ", file, ": ", ShortMessage(error)));
  } catch (...) {
    return absl::FailedPreconditionError(
        absl::StrCat("libtorch cannot load or run ", file, ": unknown exception"));
  }
}

}  // namespace predictd::model
