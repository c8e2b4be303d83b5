#include "server/repository/misnamed_folders.h"

#include <utility>

#include "server/base/log.h"

namespace predictd::repository {

void MisnamedFolders::Update(const RepositoryFiles& found) {
  std::set<std::string> now;
  for (const auto& [name, model] : found) now.insert(model.misnamed.begin(), model.misnamed.end());
  for (const std::string& folder : now) {
    if (told_.count(folder) > 0) continue;
    Log(LogLevel::kWarning,
        "folder is left out: the name of a version is a positive whole number without leading "
        "zeros, such as 2",
        {{"folder", folder}});
  }
  told_ = std::move(now);
}

}  // namespace predictd::repository
