#include "tests/integration/faults/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include "absl/time/clock.h"

namespace predictd::integration {
namespace {

constexpr int kLongestSendMs = 5000;

}  // namespace

int ListenOnLoopback(int* port) {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listening, plain, length) != 0 || ::listen(listening, 64) != 0 ||
      ::getsockname(listening, plain, &length) != 0) {
    throw std::runtime_error("cannot listen");
  }
  *port = ntohs(address.sin_port);
  return listening;
}

RawConnection::RawConnection(const std::string& address) {
  const size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
    ::close(socket_);
    throw std::runtime_error("cannot connect to " + address);
  }
}

RawConnection::~RawConnection() {
  if (socket_ >= 0) ::close(socket_);
}

bool RawConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    pollfd writable{socket_, POLLOUT, 0};
    if (::poll(&writable, 1, kLongestSendMs) <= 0) return false;
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN) return false;
    if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

std::string RawConnection::Receive(absl::Duration longest) {
  pollfd readable{socket_, POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(longest))) <= 0) return "";
  char buffer[65536];
  const ssize_t count = ::recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
  return count > 0 ? std::string(buffer, static_cast<size_t>(count)) : std::string();
}

bool RawConnection::ClosedWithin(absl::Duration longest) {
  const absl::Time latest = absl::Now() + longest;
  char buffer[65536];
  while (absl::Now() < latest) {
    pollfd readable{socket_, POLLIN, 0};
    if (::poll(&readable, 1, 20) <= 0) continue;
    const ssize_t count = ::recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return true;
  }
  return false;
}

}  // namespace predictd::integration
