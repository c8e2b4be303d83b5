#include "server/repository/misnamed_folders.h"

#include "server/base/log.h"

namespace predictd::repository {

void MisnamedFolders::Update(const RepositoryFiles& found) {
  folders_.clear();
  for (const auto& [name, model] : found) {
    folders_.insert(model.misnamed.begin(), model.misnamed.end());
  }
}

void MisnamedFolders::Tell() {
  for (const std::string& folder : folders_) {
    if (told_.count(folder) > 0) continue;
    Log(LogLevel::kWarning,
        "folder is left out: the name of a version is a positive whole number without leading "
        "zeros, such as 2",
        {{"folder", folder}});
  }
  told_ = folders_;
}

}  // namespace predictd::repository
