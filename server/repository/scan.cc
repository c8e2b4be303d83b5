#include "server/repository/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"

namespace predictd::repository {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Children(const fs::path& directory, std::error_code& error) {
  std::vector<fs::path> children;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    // No request can name a model whose name is not UTF-8.
    if (name.front() != '.' && ValidUtf8(name) == name) children.push_back(it->path());
  }
  std::sort(children.begin(), children.end());
  return children;
}

void AddTime(const struct stat& info, absl::Time& changed_at) {
  changed_at = std::max(changed_at, absl::TimeFromTimespec(info.st_mtim));
}

void AddFile(const fs::path& path, uint64_t& fingerprint, absl::Time& changed_at) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return;
  fingerprint = absl::HashOf(fingerprint, path.filename().string(), info.st_ino, info.st_size,
                             info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  AddTime(info, changed_at);
}

// 0 for a name that is no version.
int64_t VersionNumber(const std::string& name) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(name, &number) || number <= 0 || absl::StrCat(number) != name) return 0;
  return number;
}

}  // namespace

absl::StatusOr<std::map<std::string, ModelFiles>> ScanRepository(const std::string& directory) {
  std::error_code error;
  const std::vector<fs::path> model_paths = Children(directory, error);
  if (error) {
    const std::string message = absl::StrCat("cannot read ", directory, ": ", error.message());
    return error == std::errc::permission_denied ? absl::PermissionDeniedError(message)
                                                 : absl::NotFoundError(message);
  }
  std::map<std::string, ModelFiles> models;
  for (const fs::path& model_path : model_paths) {
    if (!fs::is_directory(model_path, error)) continue;
    ModelFiles model;
    const fs::path config = model_path / "config.json";
    if (fs::exists(config, error)) {
      model.config_path = config.string();
      AddFile(config, model.config_fingerprint, model.config_changed_at);
    }
    const std::vector<fs::path> children = Children(model_path, error);
    model.empty = children.empty();
    for (const fs::path& version_path : children) {
      const int64_t number = VersionNumber(version_path.filename().string());
      if (number == 0 || !fs::is_directory(version_path, error)) continue;
      VersionFiles files;
      files.directory = version_path.string();
      // Its first file may be on its way, and files may be copied with their old times.
      struct stat info;
      if (::stat(version_path.c_str(), &info) == 0) AddTime(info, files.changed_at);
      for (const fs::path& file : Children(version_path, error)) {
        AddFile(file, files.fingerprint, files.changed_at);
      }
      model.versions.emplace(number, std::move(files));
    }
    models.emplace(model_path.filename().string(), std::move(model));
  }
  return models;
}

}  // namespace predictd::repository
