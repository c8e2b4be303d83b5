#include "server/redis/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"

namespace predictd::redis {
namespace {

// A buffer that one huge turn left behind is given back.
constexpr size_t kKeptBytes = 1 << 20;

absl::Status Lost(absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(error)));
}

void Empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBytes) buffer.shrink_to_fit();
}

}  // namespace

Connection::Connection(int socket, std::unique_ptr<TlsSession> tls)
    : socket_(socket), tls_(std::move(tls)), input_(new char[kReadSize]) {}

Connection::~Connection() {
  // Goodbye, or why the handshake failed. Not behind commands that were not sent: whoever lets go
  // of them takes them for lost, as without TLS.
  if (tls_ != nullptr && reached_ && (!established_ || written_ == output_.size())) {
    tls_->Close(output_);
    Send().IgnoreError();
  }
  ::close(socket_);
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const Endpoint& endpoint,
                                                             const Address& address) {
  std::unique_ptr<TlsSession> tls;
  if (address.tls != nullptr) {
    auto session = address.tls->NewSession(address.host);
    if (!session.ok()) return session.status();
    tls = *std::move(session);
  }
  const int family = endpoint.storage.ss_family;
  const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return Lost("no socket", errno);
  std::unique_ptr<Connection> connection(new Connection(socket, std::move(tls)));
  if (family != AF_UNIX) {
    const int on = 1;
    // Without it a command may wait for the answer to the one before.
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&endpoint.storage);
  if (::connect(socket, to, endpoint.length) != 0 && errno != EINPROGRESS) {
    return Lost("cannot connect", errno);
  }
  return connection;
}

std::optional<absl::Status> Connection::Connect() {
  if (!reached_) {
    auto reached = ConnectSocket();
    if (!reached || !reached->ok()) return reached;
    reached_ = true;
  }
  return tls_ == nullptr ? absl::OkStatus() : ConnectTls();
}

std::optional<absl::Status> Connection::ConnectSocket() {
  pollfd socket{socket_, POLLOUT, 0};
  if (::poll(&socket, 1, 0) <= 0) return std::nullopt;
  int error = 0;
  socklen_t length = sizeof(error);
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return Lost("cannot connect", error);
  return absl::OkStatus();
}

std::optional<absl::Status> Connection::ConnectTls() {
  const auto count = Receive(kReadSize - TlsSession::kLongestRecord);
  if (!count.ok()) return count.status();
  const auto done = tls_->Handshake({input_.get(), *count}, output_);
  if (!done.ok()) return done.status();
  // Its last message goes out with the first commands.
  established_ = *done;
  if (established_) return absl::OkStatus();
  PREDICTD_RETURN_IF_ERROR(Send());
  return std::nullopt;
}

absl::Status Connection::Write() {
  if (!plaintext_.empty()) {
    PREDICTD_RETURN_IF_ERROR(tls_->Encrypt(plaintext_, output_));
    Empty(plaintext_);
  }
  return Send();
}

absl::Status Connection::Send() {
  if (written_ == output_.size()) return absl::OkStatus();
  const ssize_t count = ::send(socket_, output_.data() + written_, output_.size() - written_,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return absl::OkStatus();
    return Lost("cannot send", errno);
  }
  written_ += static_cast<size_t>(count);
  if (written_ == output_.size()) {
    written_ = 0;
    Empty(output_);
  } else if (written_ > kKeptBytes) {
    // A socket that never takes all of it must not keep what it took.
    output_.erase(0, std::exchange(written_, 0));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> Connection::Fill() {
  absl::StatusOr<size_t> count =
      Receive(tls_ == nullptr ? kReadSize : kReadSize - TlsSession::kLongestRecord);
  if (count.ok() && tls_ != nullptr) {
    count = tls_->Decrypt({input_.get(), *count}, {input_.get(), kReadSize}, output_);
  }
  if (count.ok() && *count > 0) reader_.Feed({input_.get(), *count});
  return count;
}

absl::StatusOr<size_t> Connection::Receive(size_t most) {
  const ssize_t count = ::recv(socket_, input_.get(), most, MSG_DONTWAIT);
  if (count == 0) return absl::UnavailableError("closed by the server");
  if (count < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return size_t{0};
    return Lost("cannot receive", errno);
  }
  return static_cast<size_t>(count);
}

}  // namespace predictd::redis
