// Which folders of the model repository cannot be read, and why: nothing that was loaded from one
// goes, as it would from a folder that is gone.
#ifndef PREDICTD_SERVER_REPOSITORY_UNREADABLE_FOLDERS_H_
#define PREDICTD_SERVER_REPOSITORY_UNREADABLE_FOLDERS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/metrics.h"
#include "server/repository/scan.h"

namespace predictd::repository {

// One thread. Each change is one line in the log; a metric has how many there are.
class UnreadableFolders {
 public:
  explicit UnreadableFolders(Metrics& metrics) : metrics_(metrics) {}

  // What a look at the repository has found. True where anything changed.
  bool Update(const absl::StatusOr<RepositoryFiles>& found);

  // Why the version's folder, its model's or the whole repository cannot be read; else empty.
  std::string Why(const std::string& model, int64_t version) const;

  // The models' folders among them: name and why.
  std::map<std::string, std::string, std::less<>> Models() const;

 private:
  Metrics& metrics_;
  // Why, by folder: empty for the repository itself, "churn", "churn/3".
  std::map<std::string, std::string, std::less<>> folders_;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_UNREADABLE_FOLDERS_H_
