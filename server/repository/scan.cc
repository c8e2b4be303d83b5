#include "server/repository/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"

namespace predictd::repository {
namespace {

namespace fs = std::filesystem;

// What is not hidden, sorted; nothing where there is an error.
std::vector<fs::path> Children(const fs::path& directory, std::error_code& error) {
  std::vector<fs::path> children;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    // No request can name a model whose name is not UTF-8.
    if (name.front() != '.' && ValidUtf8(name) == name) children.push_back(it->path());
  }
  if (error) children.clear();
  std::sort(children.begin(), children.end());
  return children;
}

// As against a folder that is there and cannot be read.
bool IsNoFolder(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

std::string CannotRead(const fs::path& path, const std::error_code& error) {
  return absl::StrCat("cannot read ", path.string(), ": ", error.message());
}

void AddTime(const struct stat& info, absl::Time& changed_at) {
  changed_at = std::max(changed_at, absl::TimeFromTimespec(info.st_mtim));
}

void AddFile(const fs::path& path, uint64_t& fingerprint, absl::Time& changed_at) {
  struct stat info;
  // A link to nothing is there too.
  if (::stat(path.c_str(), &info) != 0 && (errno != ENOENT || ::lstat(path.c_str(), &info) != 0)) {
    // Whoever reads it will say what is wrong; a file that is gone is none.
    if (errno != ENOENT) fingerprint = absl::HashOf(fingerprint, path.filename().string(), errno);
    return;
  }
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

// Nothing where it is no folder.
std::optional<VersionFiles> ScanVersion(const fs::path& path) {
  VersionFiles files;
  files.directory = path.string();
  // Its first file may be on its way, and files may be copied with their old times.
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) AddTime(info, files.changed_at);
  std::error_code error;
  for (const fs::path& file : Children(path, error)) {
    AddFile(file, files.fingerprint, files.changed_at);
  }
  if (IsNoFolder(error)) return std::nullopt;
  if (error) files.problem = CannotRead(path, error);
  return files;
}

std::optional<ModelFiles> ScanModel(const fs::path& path) {
  ModelFiles model;
  std::error_code error;
  const std::vector<fs::path> children = Children(path, error);
  if (IsNoFolder(error)) return std::nullopt;
  if (error) {
    model.problem = CannotRead(path, error);
    return model;
  }
  model.empty = children.empty();
  const fs::path config = path / "config.json";
  if (fs::symlink_status(config, error).type() != fs::file_type::not_found) {
    model.config_path = config.string();
    AddFile(config, model.config_fingerprint, model.config_changed_at);
  }
  for (const fs::path& child : children) {
    const int64_t number = VersionNumber(child.filename().string());
    if (number == 0) {
      if (fs::is_directory(child, error)) model.misnamed.push_back(child.string());
      continue;
    }
    std::optional<VersionFiles> version = ScanVersion(child);
    if (version) model.versions.emplace(number, *std::move(version));
  }
  return model;
}

}  // namespace

absl::StatusOr<RepositoryFiles> ScanRepository(const std::string& directory) {
  std::error_code error;
  const std::vector<fs::path> children = Children(directory, error);
  if (error) {
    const std::string message = CannotRead(directory, error);
    return error == std::errc::permission_denied ? absl::PermissionDeniedError(message)
                                                 : absl::NotFoundError(message);
  }
  RepositoryFiles models;
  for (const fs::path& child : children) {
    std::string name = child.filename().string();
    if (name == "lost+found") continue;
    std::optional<ModelFiles> model = ScanModel(child);
    if (model) models.emplace(std::move(name), *std::move(model));
  }
  return models;
}

std::optional<VersionFiles> ScanVersion(const std::string& directory, const std::string& model,
                                        int64_t version) {
  const auto found = ScanRepository(directory);
  if (!found.ok()) return std::nullopt;
  const auto files = found->find(model);
  if (files == found->end()) return std::nullopt;
  const auto number = files->second.versions.find(version);
  if (number == files->second.versions.end()) return std::nullopt;
  return number->second;
}

}  // namespace predictd::repository
