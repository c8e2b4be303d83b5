// Wakes sleeping loops when sockets whose answers are outstanding become ready: a loop sleeps in
// gRPC's completion queue, which knows only gRPC's own sockets.
#ifndef PREDICTD_SERVER_ASYNC_WATCHER_H_
#define PREDICTD_SERVER_ASYNC_WATCHER_H_

#include <atomic>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "server/async/loop.h"
#include "server/base/mutex.h"

namespace predictd {

// Owns one thread with one epoll set. Any thread may call. Destroyed after whoever calls Forget and
// before the loops it nudges.
class Watcher {
 public:
  enum class Event {
    kReadable,
    kWritable,  // writable or readable
    kClosed,    // closed or broken by the peer; nothing that can be read fires it
  };

  Watcher();
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Nudges `loop` once, when `socket` is next ready or broken, at once if it is already. A second
  // call for the same socket replaces the first. `fired`, where given, becomes true before the
  // nudge, so that whoever asked knows that it has to ask again; it lives until Forget.
  void NudgeOnce(int socket, Event event, Loop& loop, std::atomic<bool>* fired = nullptr)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Call before closing a socket that was given to NudgeOnce. When it returns, `fired` is not
  // touched any more. Does nothing for other sockets.
  void Forget(int socket) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Watched {
    Loop* loop;
    std::atomic<bool>* fired;
  };

  static void Fire(const Watched& watched);
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  int epoll_ = -1;
  int stop_ = -1;  // eventfd

  Mutex mutex_;
  absl::flat_hash_map<int, Watched> watched_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses what stands above
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_WATCHER_H_
