// Loads TorchScript files. No libtorch in this header.
#ifndef PREDICTD_SERVER_MODEL_TORCHSCRIPT_MODEL_H_
#define PREDICTD_SERVER_MODEL_TORCHSCRIPT_MODEL_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/thread.h"
#include "server/model/model.h"

namespace predictd::model {

// Loads `directory`/model.pt; its signature may be an extra file signature.json inside. Errors and
// exceptions as in LoadModel, which calls it.
absl::StatusOr<std::unique_ptr<Model>> LoadTorchScript(const std::string& directory, Pace pace,
                                                       const std::atomic<bool>& stopping);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TORCHSCRIPT_MODEL_H_
