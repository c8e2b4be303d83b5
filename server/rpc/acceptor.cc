#include "server/rpc/acceptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/thread.h"

namespace predictd::rpc {
namespace {

// Descriptors that callers do not get: for Redis, databases, model files, the HTTP side.
constexpr int kKeptBack = 32;

// Connections taken from one socket before the others, and the order to stop, are looked at again.
constexpr int kMostAtOnce = 64;

// How soon it looks again when not even a refusal was possible.
constexpr int kRetryMillis = 50;

// The system gives the lowest free number: one this high means that as many are open.
bool LeavesEnough(int descriptor) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
  return static_cast<rlim_t>(descriptor) + kKeptBack < limit.rlim_cur;
}

}  // namespace

Acceptor::Acceptor(std::vector<ListenSocket> sockets, std::unique_ptr<Server> server)
    : sockets_(std::move(sockets)),
      server_(std::move(server)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Acceptor::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Acceptor::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    // Cannot fail: the counter is far from its limit.
    [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof(one));
    thread_.join();
    ::close(stop_);
  }
  sockets_.clear();
}

void Acceptor::Run() {
  NameThread("acceptor");
  std::vector<pollfd> polled;
  for (const ListenSocket& socket : sockets_) polled.push_back({socket.descriptor(), POLLIN, 0});
  polled.push_back({stop_, POLLIN, 0});
  while (true) {
    ::poll(polled.data(), polled.size(), -1);
    if (polled.back().revents != 0) return;
    bool out_of_descriptors = false;
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (polled[i].revents != 0) out_of_descriptors |= !AcceptFrom(sockets_[i]);
    }
    // They wait in the socket's backlog; poll would come back at once.
    if (out_of_descriptors) ::poll(&polled.back(), 1, kRetryMillis);
  }
}

bool Acceptor::AcceptFrom(const ListenSocket& socket) {
  for (int count = 0; count < kMostAtOnce; ++count) {
    const int connection =
        ::accept4(socket.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      const bool none_left =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (none_left) NoteRefused(true);
      // Of one connection (ECONNABORTED, EINTR) or none left to take: poll tells.
      return !none_left;
    }
    const bool taken = LeavesEnough(connection);
    NoteRefused(!taken);
    if (!taken) {
      ::close(connection);
      continue;
    }
    Server::NewConnectionParameters parameters;
    parameters.listener_fd = socket.descriptor();
    parameters.fd = connection;
    server_->HandleNewConnection(&parameters);
  }
  return true;
}

void Acceptor::NoteRefused(bool refused) {
  if (refused == std::exchange(refusing_, refused)) return;
  if (refused) {
    Log(LogLevel::kError, "connections are refused: too few free descriptors; raise `ulimit -n`",
        {{"kept_back", kKeptBack}});
  } else {
    Log(LogLevel::kInfo, "connections are taken again");
  }
}

}  // namespace predictd::rpc
