#include "server/rpc/gathered_writes.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/catch.h"

namespace predictd::rpc {
namespace {

const SystemClock kClock;

// Two ends of a TCP connection on the loopback interface.
class Connection {
 public:
  Connection() {
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
  ~Connection() {
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

TEST_CASE("what a turn writes goes out at its end") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("a");
  connection.Write("b");
  CHECK(connection.Read().empty());
  writes.End();
  CHECK(connection.Read() == "ab");
  connection.Write("c");
  CHECK(connection.Read() == "c");
}

TEST_CASE("every sixteenth write goes out with those before it") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  for (int i = 1; i <= 40; ++i) {
    connection.Write("y");
    if (i == 15) CHECK(connection.Read().empty());
    if (i == 16) CHECK(connection.Read() == std::string(16, 'y'));
  }
  writes.End();
  CHECK(connection.Read() == std::string(24, 'y'));
}

TEST_CASE("what another thread sends goes out after what was kept back") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("kept ");
  std::thread other([&] { connection.Write("other"); });
  other.join();
  CHECK(connection.Read() == "kept other");
  writes.End();
  CHECK(connection.Read().empty());
}

TEST_CASE("a large message goes out at once, after what was kept back") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("kept ");
  const std::string large(20'000, 'l');
  connection.Write(large);
  CHECK(connection.Read() == "kept " + large);
  writes.End();
}

TEST_CASE("what was kept back goes out before the socket is shut down") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("last");
  connection.ShutDown();
  CHECK(connection.Read() == "last");
  writes.End();
}

TEST_CASE("what was kept back goes out before the socket is closed") {
  Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("last");
  connection.Close();
  CHECK(connection.Read() == "last");
  writes.End();
}

TEST_CASE("what a full socket does not take is sent in order once its peer has read") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  std::string sent;
  int error = 0;
  for (int i = 0; error == 0; ++i) {
    REQUIRE(i < 100'000);
    writes.Begin();
    for (int j = 0; j < 3 && error == 0; ++j) {
      const std::string bytes = std::to_string(3 * i + j) + std::string(1000, ' ');
      const ssize_t size = connection.Send(bytes);
      if (size < 0) error = errno;
      sent += bytes.substr(0, std::max<ssize_t>(size, 0));
    }
    writes.End();
  }
  CHECK(error == EAGAIN);
  REQUIRE(writes.left());
  writes.Retry();
  REQUIRE(writes.left());

  std::string read;
  for (int i = 0; writes.left(); ++i) {
    REQUIRE(i < 1'000'000);
    read += connection.Read();
    writes.Retry();
  }
  read += connection.Read();
  CHECK(read == sent);
}

TEST_CASE("what was kept back for a connection that breaks is given up") {
  Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("kept");
  connection.Break();
  connection.Write("more");
  writes.End();
  CHECK_FALSE(writes.left());
  CHECK(connection.Send("after") < 0);
}

TEST_CASE("one socket is sure after many writes to it, until the first one to another") {
  const Connection connection;
  const Connection other;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  const auto turn = [&writes](const Connection& to) {
    writes.Begin();
    to.Write("a");
    writes.End();
  };
  turn(connection);
  for (int i = 0; i < GatheredWrites::kSure; ++i) {
    CHECK_FALSE(writes.one_socket());
    turn(connection);
  }
  CHECK(writes.one_socket());
  turn(other);
  CHECK_FALSE(writes.one_socket());
  turn(connection);
  CHECK_FALSE(writes.one_socket());
}

}  // namespace
}  // namespace predictd::rpc
