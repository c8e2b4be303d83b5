// Which folders of the models have names that no version can have.
#ifndef PREDICTD_SERVER_REPOSITORY_MISNAMED_FOLDERS_H_
#define PREDICTD_SERVER_REPOSITORY_MISNAMED_FOLDERS_H_

#include <set>
#include <string>

#include "server/repository/scan.h"

namespace predictd::repository {

// One thread. Each folder is one line in the log, when it is first seen.
class MisnamedFolders {
 public:
  // What a look at the repository has found.
  void Update(const RepositoryFiles& found);

 private:
  std::set<std::string> told_;  // their paths
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_MISNAMED_FOLDERS_H_
