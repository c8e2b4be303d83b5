#include "server/async/watcher.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "server/base/log.h"
#include "server/base/thread.h"

namespace predictd {
namespace {

uint32_t EpollEvents(Watcher::Event event) {
  switch (event) {
    case Watcher::Event::kReadable:
      return EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
    case Watcher::Event::kWritable:
      return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLONESHOT;
    case Watcher::Event::kClosed:
      return EPOLLRDHUP | EPOLLONESHOT;
  }
  return 0;
}

}  // namespace

Watcher::Watcher()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = stop_;
  if (epoll_ < 0 || stop_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &event) != 0) {
    // Only at the start of the process, before anything is served.
    Log(LogLevel::kError, "no descriptors to watch sockets with: raise `ulimit -n`",
        {{"error", std::strerror(errno)}});
    std::abort();
  }
  thread_ = std::thread([this] { Run(); });
}

Watcher::~Watcher() {
  const uint64_t one = 1;
  // Cannot fail: the counter is far from its limit.
  [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof(one));
  thread_.join();
  ::close(stop_);
  ::close(epoll_);
}

void Watcher::NudgeOnce(int socket, Event event, Loop& loop, std::atomic<bool>* fired) {
  epoll_event request{};
  request.events = EpollEvents(event);
  request.data.fd = socket;
  MutexLock lock(mutex_);
  const auto [known, added] = watched_.insert_or_assign(socket, Watched{&loop, fired});
  int error = ::epoll_ctl(epoll_, added ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &request);
  // A socket that was closed without Forget has left the epoll set by itself.
  if (error != 0 && errno == ENOENT) {
    error = ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &request);
  }
  if (error == 0) return;
  // A loop that looks at its socket too often is better than one that sleeps for ever.
  Fire(known->second);
  watched_.erase(known);
}

void Watcher::Forget(int socket) {
  MutexLock lock(mutex_);
  if (watched_.erase(socket) > 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
}

void Watcher::Fire(const Watched& watched) {
  if (watched.fired != nullptr) watched.fired->store(true, std::memory_order_seq_cst);
  watched.loop->Nudge();
}

void Watcher::Run() {
  NameThread("watcher");
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
    if (count < 0) continue;  // EINTR: nothing else is possible here
    MutexLock lock(mutex_);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == stop_) return;
      // An event of a socket that was forgotten meanwhile finds nothing, or its successor with the
      // same number, which then only looks once too often.
      const auto watched = watched_.find(events[i].data.fd);
      if (watched != watched_.end()) Fire(watched->second);
    }
  }
}

}  // namespace predictd
