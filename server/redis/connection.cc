#include "server/redis/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace predictd::redis {
namespace {

// A buffer that one huge turn left behind is given back.
constexpr size_t kKeptOutput = 1 << 20;

absl::Status Lost(absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(error)));
}

}  // namespace

Connection::Connection(int socket) : socket_(socket), input_(new char[kReadSize]) {}

Connection::~Connection() { ::close(socket_); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const Endpoint& endpoint) {
  const int family = endpoint.storage.ss_family;
  const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return Lost("no socket", errno);
  std::unique_ptr<Connection> connection(new Connection(socket));
  if (family != AF_UNIX) {
    const int on = 1;
    // Without it a command may wait for the answer to the one before.
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.storage);
  if (::connect(socket, address, endpoint.length) != 0 && errno != EINPROGRESS) {
    return Lost("cannot connect", errno);
  }
  return connection;
}

std::optional<absl::Status> Connection::Connected() const {
  pollfd socket{socket_, POLLOUT, 0};
  if (::poll(&socket, 1, 0) <= 0) return std::nullopt;
  int error = 0;
  socklen_t length = sizeof(error);
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return Lost("cannot connect", error);
  return absl::OkStatus();
}

absl::Status Connection::Write() {
  if (unwritten() == 0) return absl::OkStatus();
  const ssize_t count =
      ::send(socket_, output_.data() + written_, unwritten(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return absl::OkStatus();
    return Lost("cannot send", errno);
  }
  written_ += static_cast<size_t>(count);
  if (unwritten() > 0) return absl::OkStatus();
  written_ = 0;
  output_.clear();
  if (output_.capacity() > kKeptOutput) output_.shrink_to_fit();
  return absl::OkStatus();
}

absl::StatusOr<size_t> Connection::Fill() {
  const ssize_t count = ::recv(socket_, input_.get(), kReadSize, MSG_DONTWAIT);
  if (count == 0) return absl::UnavailableError("closed by the server");
  if (count < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return size_t{0};
    return Lost("cannot receive", errno);
  }
  reader_.Feed({input_.get(), static_cast<size_t>(count)});
  return static_cast<size_t>(count);
}

}  // namespace predictd::redis
