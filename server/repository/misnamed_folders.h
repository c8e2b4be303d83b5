// Which folders of the models have names that no version can have.
#ifndef PREDICTD_SERVER_REPOSITORY_MISNAMED_FOLDERS_H_
#define PREDICTD_SERVER_REPOSITORY_MISNAMED_FOLDERS_H_

#include <set>
#include <string>

#include "server/repository/scan.h"

namespace predictd::repository {

// One thread. Each folder is one line in the log.
class MisnamedFolders {
 public:
  // What a look at the repository has found.
  void Update(const RepositoryFiles& found);
  // Writes the lines of those that were not told of before. Apart from Update, because a server
  // that cannot start says nothing but why.
  void Tell();

 private:
  std::set<std::string> folders_;  // their paths
  std::set<std::string> told_;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_MISNAMED_FOLDERS_H_
