#include "tests/integration/faults/redis_proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/redis/endpoint.h"
#include "tests/integration/faults/sockets.h"

namespace predictd::integration {
namespace {

// Longest time until the thread looks at its orders and at answers that are due.
constexpr int kLookMillis = 1;

// False where the peer has closed.
bool Receive(int socket, std::string& bytes) {
  char buffer[65536];
  const ssize_t count = ::recv(socket, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (count > 0) bytes.assign(buffer, static_cast<size_t>(count));
  return count > 0 || (count < 0 && errno == EAGAIN);
}

bool SendAll(int socket, absl::string_view bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace

RedisProxy::RedisProxy(std::string upstream) : upstream_(std::move(upstream)) {
  listening_ = ListenOnLoopback(&port_);
  thread_ = std::thread([this] { Run(); });
}

RedisProxy::~RedisProxy() {
  stop_ = true;
  thread_.join();
  ::close(listening_);
  for (const Pair& pair : pairs_) {
    ::close(pair.client);
    ::close(pair.server);
  }
}

void RedisProxy::Set(Treatment treatment) {
  MutexLock lock(mutex_);
  treatment_ = treatment;
  ++generation_;
}

void RedisProxy::Run() {
  while (!stop_) {
    std::vector<pollfd> sockets = {{listening_, POLLIN, 0}};
    bool sliced = false;
    for (const Pair& pair : pairs_) {
      sockets.push_back({pair.client, POLLIN, 0});
      sockets.push_back({pair.server, POLLIN, 0});
      sliced |= !pair.answers.empty() && pair.answers.front().due <= absl::Now();
    }
    ::poll(sockets.data(), sockets.size(), sliced ? 0 : kLookMillis);
    Treatment treatment;
    int generation = 0;
    {
      MutexLock lock(mutex_);
      treatment = treatment_;
      generation = generation_;
    }
    for (auto pair = pairs_.begin(); pair != pairs_.end();) {
      if (std::exchange(pair->generation, generation) != generation) pair->passed = 0;
      if (Commands(*pair) && TakeAnswers(*pair, treatment) && PassOn(*pair, treatment)) {
        ++pair;
        continue;
      }
      ::close(pair->client);
      ::close(pair->server);
      pair = pairs_.erase(pair);
    }
    if (sockets[0].revents != 0) Accept();
  }
}

void RedisProxy::Accept() {
  const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const auto endpoint = redis::UnixEndpoint(upstream_);
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&endpoint->storage), endpoint->length) !=
      0) {
    ::close(client);
    ::close(server);
    return;
  }
  pairs_.push_back({.client = client, .server = server, .answers = {}});
}

bool RedisProxy::Commands(Pair& pair) {
  std::string bytes;
  return Receive(pair.client, bytes) && SendAll(pair.server, bytes);
}

bool RedisProxy::TakeAnswers(Pair& pair, const Treatment& treatment) {
  std::string bytes;
  if (!Receive(pair.server, bytes)) return false;
  if (!bytes.empty()) pair.answers.push_back({absl::Now() + treatment.delay, std::move(bytes)});
  return true;
}

bool RedisProxy::PassOn(Pair& pair, const Treatment& treatment) {
  if (pair.answers.empty() || pair.answers.front().due > absl::Now()) return true;
  std::string& bytes = pair.answers.front().bytes;
  size_t count = std::min(bytes.size(), treatment.slice);
  const bool cut =
      treatment.cut_after >= 0 && pair.passed + static_cast<int64_t>(count) >= treatment.cut_after;
  if (cut) count = static_cast<size_t>(treatment.cut_after - pair.passed);
  if (!SendAll(pair.client, {bytes.data(), count})) return false;
  ++slices_;
  cuts_ += cut;
  pair.passed += static_cast<int64_t>(count);
  bytes.erase(0, count);
  if (bytes.empty()) pair.answers.pop_front();
  return !cut;
}

}  // namespace predictd::integration
