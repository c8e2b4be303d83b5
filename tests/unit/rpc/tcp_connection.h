// Two ends of a TCP connection on the loopback interface, and what gRPC does with the near one.
#ifndef PREDICTD_TESTS_UNIT_RPC_TCP_CONNECTION_H_
#define PREDICTD_TESTS_UNIT_RPC_TCP_CONNECTION_H_

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "tests/catch.h"

namespace predictd::rpc {

class TcpConnection {
 public:
  TcpConnection() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, generic, size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, generic, &size) == 0);
    near_ = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::connect(near_, generic, size) == 0);
    REQUIRE(::fcntl(near_, F_SETFL, O_NONBLOCK) == 0);
    // As gRPC does.
    const int on = 1;
    REQUIRE(::setsockopt(near_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    far_ = ::accept(listener, nullptr, nullptr);
    REQUIRE(far_ >= 0);
    ::close(listener);
  }
  ~TcpConnection() {
    if (near_ >= 0) ::close(near_);
    if (far_ >= 0) ::close(far_);
  }

  void ShutDown() const { ::shutdown(near_, SHUT_RDWR); }
  void Close() { ::close(std::exchange(near_, -1)); }
  // The far end goes away without having read everything.
  void Break() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    REQUIRE(::setsockopt(far_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
    ::close(std::exchange(far_, -1));
  }

  int near() const { return near_; }

  // What sendmsg() returns.
  ssize_t Send(std::string_view bytes) const {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return ::sendmsg(near_, &message, MSG_NOSIGNAL);
  }
  void Write(std::string_view bytes) const {
    REQUIRE(Send(bytes) == static_cast<ssize_t>(bytes.size()));
  }

  // What has come, without waiting.
  std::string Read() const {
    std::string all;
    std::array<char, 4096> buffer;
    for (;;) {
      const ssize_t size = ::recv(far_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size <= 0) return all;
      all.append(buffer.data(), size);
    }
  }

 private:
  int near_ = -1;
  int far_ = -1;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_TESTS_UNIT_RPC_TCP_CONNECTION_H_
