#include "server/repository/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/repository/scan.h"

namespace predictd::repository {
namespace {

namespace fs = std::filesystem;

// Not IN_MODIFY: a file that is being copied would tell with each of its pieces.
constexpr uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                             IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t kLinkEvents = IN_CREATE | IN_MOVED_TO;
// One change is several events, and a copied folder many: they are told of together.
constexpr int kGatherMillis = 10;
constexpr int kLookAgainMillis = 1000;
// Folders that appear while others are being watched are found by looking again, a few times.
constexpr int kMostLooks = 5;

std::string Error() { return std::strerror(errno); }

std::vector<std::string> Folders(const std::string& directory) {
  std::vector<std::string> folders = {directory};
  const auto found = ScanRepository(directory);
  if (!found.ok()) return folders;
  for (const auto& [name, model] : *found) {
    folders.push_back(absl::StrCat(directory, "/", name));
    for (const auto& [number, version] : model.versions) folders.push_back(version.directory);
  }
  return folders;
}

}  // namespace

FolderWatch::FolderWatch(std::string directory, std::function<void()> changed)
    : directory_(std::move(directory)), changed_(std::move(changed)) {
  while (directory_.size() > 1 && directory_.back() == '/') directory_.pop_back();
  inotify_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify_ >= 0) stop_ = eventfd(0, EFD_CLOEXEC);
  if (inotify_ < 0 || stop_ < 0) {
    Warn(Error());
    return;
  }
  // Before the constructor returns: what changes from then on is seen.
  WatchAll();
  thread_ = std::thread([this] { Run(); });
}

FolderWatch::~FolderWatch() {
  if (thread_.joinable()) {
    eventfd_write(stop_, 1);
    thread_.join();
  }
  if (inotify_ >= 0) close(inotify_);
  if (stop_ >= 0) close(stop_);
}

void FolderWatch::Run() {
  NameThread("folder-watch");
  pollfd fds[] = {{inotify_, POLLIN, 0}, {stop_, POLLIN, 0}};
  while (true) {
    // Without its folder there is nothing that could tell of the folder's return.
    const bool lost = watches_.empty();
    if (poll(fds, 2, lost ? kLookAgainMillis : -1) < 0 && errno != EINTR) return Warn(Error());
    if (fds[1].revents != 0) return;
    if (!TakeEvents() && !lost) continue;
    if (poll(fds + 1, 1, kGatherMillis) > 0) return;
    TakeEvents();
    WatchAll();
    if (!lost || !watches_.empty()) changed_();
  }
}

bool FolderWatch::TakeEvents() {
  alignas(inotify_event) char buffer[16384];
  bool changed = false;
  while (true) {
    const ssize_t size = read(inotify_, buffer, sizeof(buffer));
    if (size <= 0) return changed;
    for (ssize_t at = 0; at < size;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      if ((event.mask & IN_IGNORED) != 0) {
        watches_.erase(event.wd);
      } else if (event.wd >= 0 && event.wd == parent_ && watches_.count(event.wd) == 0) {
        // Whatever else happens beside the link is not ours.
        changed |= event.len > 0 && fs::path(directory_).filename() == event.name;
      } else {
        changed = true;
      }
    }
  }
}

void FolderWatch::WatchAll() {
  std::vector<std::string> folders;
  for (int look = 0; look < kMostLooks; ++look) {
    std::vector<std::string> now = Folders(directory_);
    if (now == folders) break;
    folders = std::move(now);
    const std::set<int> before = std::exchange(watches_, {});
    for (const std::string& folder : folders) {
      if (!Add(folder)) break;
    }
    for (const int watch : before) {
      if (watches_.count(watch) == 0) inotify_rm_watch(inotify_, watch);
    }
  }
  std::error_code error;
  if (!fs::is_symlink(directory_, error)) return;
  const std::string parent = fs::path(directory_).parent_path().string();
  // IN_MASK_ADD: where the folder is one of those above, they go on.
  parent_ = inotify_add_watch(inotify_, parent.empty() ? "." : parent.c_str(),
                              kLinkEvents | IN_ONLYDIR | IN_MASK_ADD);
}

bool FolderWatch::Add(const std::string& path) {
  const int watch = inotify_add_watch(inotify_, path.c_str(), kEvents | IN_ONLYDIR);
  if (watch >= 0) {
    watches_.insert(watch);
    return true;
  }
  // Gone since it was found: its going is an event of its own.
  if (errno == ENOENT || errno == ENOTDIR) return true;
  if (errno == EACCES) return true;  // the poll cannot read it either, and says so
  Warn(errno == ENOSPC ? "fs.inotify.max_user_watches is reached" : Error());
  return false;
}

void FolderWatch::Warn(const std::string& problem) {
  if (std::exchange(warned_, true)) return;
  Log(LogLevel::kWarning, "model folders cannot all be watched, changes show at --model_poll",
      {{"models", directory_}, {"error", problem}});
}

}  // namespace predictd::repository
