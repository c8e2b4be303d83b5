// Stands in for aoti_model.cc where libtorch cannot run AOTInductor packages.
#include "absl/strings/str_cat.h"
#include "server/model/aoti_model.h"
#include "server/model/torch_runtime.h"

namespace predictd::model {

bool AotInductorAvailable() { return false; }

absl::StatusOr<std::unique_ptr<Model>> LoadAotInductor(const std::string&) {
  return absl::FailedPreconditionError(
      absl::StrCat("model.pt2 needs libtorch 2.6 or newer, this predictd has ", TorchVersion(),
                   ": export the model as TorchScript (model.pt), or run predictd on Debian 13"));
}

}  // namespace predictd::model
