// Tells at once of changes in the model repository's folders, so that the next poll need not be
// waited for.
#ifndef PREDICTD_SERVER_REPOSITORY_FOLDER_WATCH_H_
#define PREDICTD_SERVER_REPOSITORY_FOLDER_WATCH_H_

#include <functional>
#include <set>
#include <string>
#include <thread>

namespace predictd::repository {

// Created and destroyed by one thread. Watches DIRECTORY, its models and their versions, through
// symbolic links too, with inotify on a thread of its own.
//
// Only a hint: what it cannot see is left to the poll (network file systems, a link that is swapped
// further up than the link to DIRECTORY, what comes after inotify's limits are reached). Whatever
// keeps it from watching is one warning in the log, never an error.
class FolderWatch {
 public:
  // `changed` is called on the watch's thread, soon after the first of some changes; a file that is
  // being written counts when it is closed.
  FolderWatch(std::string directory, std::function<void()> changed);
  // Once it returns, `changed` is not called any more.
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

 private:
  void Run();
  // Takes all events that are there. False where none of them is a change.
  bool TakeEvents();
  // Watches all that is there now, and no more what is gone.
  void WatchAll();
  bool Add(const std::string& path);
  void Warn(const std::string& problem);

  std::string directory_;
  const std::function<void()> changed_;
  int inotify_ = -1;
  int stop_ = -1;  // an eventfd
  // The watch's thread's own.
  std::set<int> watches_;
  int parent_ = -1;  // watch of the folder with the link to `directory_`, where it is one
  bool warned_ = false;
  std::thread thread_;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_FOLDER_WATCH_H_
