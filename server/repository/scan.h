// What lies in the model repository's directory now.
#ifndef PREDICTD_SERVER_REPOSITORY_SCAN_H_
#define PREDICTD_SERVER_REPOSITORY_SCAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace predictd::repository {

struct VersionFiles {
  std::string directory;
  std::string problem;  // why its folder cannot be read, so that nothing else is known; else empty
  // Changes whenever a file of the version is written, replaced, added or removed: name, inode,
  // size and time of each.
  uint64_t fingerprint = 0;
  // When the youngest file, or the folder itself, was changed; wall clock.
  absl::Time changed_at = absl::InfinitePast();
};

struct ModelFiles {
  std::string problem;      // as of a version's files
  std::string config_path;  // empty where there is no config.json
  // As of a version's files. 0 where there is no config.json.
  uint64_t config_fingerprint = 0;
  absl::Time config_changed_at = absl::InfinitePast();
  // By number; names that are not positive integers without leading zeros are no versions.
  std::map<int64_t, VersionFiles> versions;
  std::vector<std::string> misnamed;  // paths of the folders among those
  bool empty = false;                 // there is nothing in its folder that is not hidden
};

// By model name.
using RepositoryFiles = std::map<std::string, ModelFiles>;

// NOT_FOUND or PERMISSION_DENIED where the directory itself cannot be read; a model or version that
// vanishes while it is read is left out. Hidden folders (".tmp", ".git") and a volume's lost+found
// are no models.
absl::StatusOr<RepositoryFiles> ScanRepository(const std::string& directory);

// One version's of those; nothing where it is not there.
std::optional<VersionFiles> ScanVersion(const std::string& directory, const std::string& model,
                                        int64_t version);

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_SCAN_H_
