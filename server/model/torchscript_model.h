// Loads TorchScript files. No libtorch in this header.
#ifndef PREDICTD_SERVER_MODEL_TORCHSCRIPT_MODEL_H_
#define PREDICTD_SERVER_MODEL_TORCHSCRIPT_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/model.h"

namespace predictd::model {

// Loads `directory`/model.pt with the signature from `directory`/signature.json, or, without that
// file, from inside the TorchScript file (extra file signature.json). Blocks, for as long as it
// takes to read the file. FAILED_PRECONDITION says what is missing or wrong; libtorch's exceptions
// end here.
absl::StatusOr<std::unique_ptr<Model>> LoadTorchScript(const std::string& directory);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TORCHSCRIPT_MODEL_H_
