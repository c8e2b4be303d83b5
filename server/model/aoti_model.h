// Loads AOTInductor packages. No libtorch in this header.
#ifndef PREDICTD_SERVER_MODEL_AOTI_MODEL_H_
#define PREDICTD_SERVER_MODEL_AOTI_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/model.h"

namespace predictd::model {

// False where libtorch is older than 2.6.
bool AotInductorAvailable();

// Loads `directory`/model.pt2. Errors and exceptions as in LoadModel, which calls it.
absl::StatusOr<std::unique_ptr<Model>> LoadAotInductor(const std::string& directory);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_AOTI_MODEL_H_
