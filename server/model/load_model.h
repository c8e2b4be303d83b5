// Loads a model version, whatever kind its file is. No libtorch in this header.
#ifndef PREDICTD_SERVER_MODEL_LOAD_MODEL_H_
#define PREDICTD_SERVER_MODEL_LOAD_MODEL_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/thread.h"
#include "server/model/model.h"

namespace predictd::model {

// Loads the model file in `directory` with the signature from `directory`/signature.json. Where
// both model.pt2 and model.pt are there, the former, if libtorch can run it. Blocks, for as long as
// it takes to read the file, a TorchScript one at `pace` and only until `stopping` is set; only
// regular files are opened.
// FAILED_PRECONDITION says what is missing or wrong, such as a file that is cut off; exceptions of
// libtorch and of the file system end here.
absl::StatusOr<std::unique_ptr<Model>> LoadModel(const std::string& directory, Pace pace,
                                                 const std::atomic<bool>& stopping);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_LOAD_MODEL_H_
