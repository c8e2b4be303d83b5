#include "server/repository/unreadable_folders.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"

namespace predictd::repository {

bool UnreadableFolders::Update(const absl::StatusOr<RepositoryFiles>& found) {
  std::map<std::string, std::string, std::less<>> now;
  if (found.ok()) {
    for (const auto& [name, model] : *found) {
      if (!model.problem.empty()) now.emplace(name, model.problem);
      for (const auto& [number, version] : model.versions) {
        if (!version.problem.empty()) now.emplace(absl::StrCat(name, "/", number), version.problem);
      }
    }
  } else {
    now = folders_;
    now[""] = std::string(found.status().message());
  }
  for (const auto& [folder, why] : now) {
    const auto before = folders_.find(folder);
    if (before != folders_.end() && before->second == why) continue;
    Log(LogLevel::kError, "model folder cannot be read, what was loaded from it stays",
        {{"error", why}});
  }
  for (const auto& [folder, why] : folders_) {
    // Of versions nothing is known while their model's folder cannot be read.
    const bool unknown = now.count(folder) > 0 || now.count(folder.substr(0, folder.find('/'))) > 0;
    if (unknown) continue;
    Log(LogLevel::kInfo, "model folder can be read again, or is gone", {{"before", why}});
  }
  metrics_.folders_unreadable.Set(static_cast<double>(now.size()));
  const bool changed = now != folders_;
  folders_ = std::move(now);
  return changed;
}

std::string UnreadableFolders::Why(const std::string& model, int64_t version) const {
  for (const std::string& folder : {std::string(), model, absl::StrCat(model, "/", version)}) {
    const auto found = folders_.find(folder);
    if (found != folders_.end()) return found->second;
  }
  return "";
}

std::map<std::string, std::string, std::less<>> UnreadableFolders::Models() const {
  std::map<std::string, std::string, std::less<>> models;
  for (const auto& [folder, why] : folders_) {
    if (!folder.empty() && folder.find('/') == std::string::npos) models.emplace(folder, why);
  }
  return models;
}

}  // namespace predictd::repository
