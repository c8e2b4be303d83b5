// How the command line names models.
#ifndef PREDICTD_CLIENT_MODEL_NAME_H_
#define PREDICTD_CLIENT_MODEL_NAME_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace predictd::client {

struct ModelName {
  std::string model;
  std::string version;  // empty = the server's choice, or all
};

// From MODEL, MODEL/VERSION or MODEL VERSION; empty where there are no arguments. INVALID_ARGUMENT
// says what to write.
absl::StatusOr<ModelName> ParseModelName(const std::vector<std::string>& arguments);

// "churn" or "churn/3"
std::string ModelNameText(const ModelName& name);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_MODEL_NAME_H_
