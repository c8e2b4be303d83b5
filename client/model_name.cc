#include "client/model_name.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace predictd::client {

absl::StatusOr<ModelName> ParseModelName(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return ModelName();
  ModelName name{arguments[0], arguments.size() > 1 ? arguments[1] : ""};
  const size_t slash = name.model.find('/');
  if (slash != std::string::npos && arguments.size() == 1) {
    name.version = name.model.substr(slash + 1);
    name.model.resize(slash);
  }
  const bool two_slashes = (name.model + name.version).find('/') != std::string::npos;
  const bool empty_part =
      name.model.empty() || (slash != std::string::npos && name.version.empty());
  if (two_slashes || empty_part) {
    return absl::InvalidArgumentError(absl::StrCat("'", absl::StrJoin(arguments, " "),
                                                   "' names no model; write MODEL or "
                                                   "MODEL/VERSION, such as churn/3"));
  }
  return name;
}

std::string ModelNameText(const ModelName& name) {
  return name.version.empty() ? name.model : absl::StrCat(name.model, "/", name.version);
}

}  // namespace predictd::client
