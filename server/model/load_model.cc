#include "server/model/load_model.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/model/aoti_model.h"
#include "server/model/torch_model.h"
#include "server/model/torch_runtime.h"
#include "server/model/torchscript_model.h"
#include "server/model/zip_check.h"

namespace predictd::model {
namespace {

namespace fs = std::filesystem;

// `file` becomes the model's, once it is known: for messages.
absl::StatusOr<std::unique_ptr<Model>> Load(const std::string& directory, Pace pace,
                                            const std::atomic<bool>& stopping, std::string& file) {
  const std::string package = directory + "/model.pt2";
  const std::string script = directory + "/model.pt";
  const bool packaged = fs::exists(package) && (AotInductorAvailable() || !fs::exists(script));
  file = packaged ? package : script;
  if (!fs::exists(file)) {
    return absl::FailedPreconditionError(
        absl::StrCat("no model file: put model.pt or model.pt2 into ", directory));
  }
  // To open a pipe would wait for its writer, and every other model with it.
  for (const std::string& path : {file, directory + "/signature.json"}) {
    if (fs::exists(path) && !fs::is_regular_file(path)) {
      return absl::FailedPreconditionError(path + " is no regular file");
    }
  }
  PREDICTD_RETURN_IF_ERROR(CheckZip(file, pace, stopping));
  // The calling thread runs the model too, while others serve.
  PrepareTorchThread();
  return packaged ? LoadAotInductor(directory) : LoadTorchScript(directory, pace, stopping);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> LoadModel(const std::string& directory, Pace pace,
                                                 const std::atomic<bool>& stopping) {
  std::string file = directory;
  try {
    return Load(directory, pace, stopping, file);
  } catch (const fs::filesystem_error& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read ", error.path1().string(), ": ", error.code().message()));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("libtorch cannot load or run ", file, ": ", ShortMessage(error)));
  } catch (...) {
    return absl::FailedPreconditionError(
        absl::StrCat("libtorch cannot load or run ", file, ": unknown exception"));
  }
}

}  // namespace predictd::model
