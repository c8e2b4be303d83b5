#include "server/rpc/gathered_writes.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

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
    // As gRPC does.
    const int on = 1;
    REQUIRE(::setsockopt(near_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    far_ = ::accept(listener, nullptr, nullptr);
    REQUIRE(far_ >= 0);
    ::close(listener);
  }
  ~Connection() {
    ::close(near_);
    ::close(far_);
  }

  void Write(char byte) const {
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    REQUIRE(::sendmsg(near_, &message, 0) == 1);
  }

  // What has come, without waiting.
  std::string Read() const {
    std::array<char, 64> buffer;
    const ssize_t size = ::recv(far_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size <= 0 ? "" : std::string(buffer.data(), size);
  }

 private:
  int near_ = -1;
  int far_ = -1;
};

TEST_CASE("as many writes as the last time go out with the last of them") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  for (const char byte : {'a', 'b', 'c'}) connection.Write(byte);
  // Nothing was expected, so nothing is kept back.
  CHECK(connection.Read() == "abc");
  writes.End();

  writes.Begin();
  connection.Write('d');
  connection.Write('e');
  CHECK(connection.Read().empty());
  connection.Write('f');
  CHECK(connection.Read() == "def");
  writes.End();
}

TEST_CASE("what was kept back for writes that did not come goes out at the end") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  for (const char byte : {'a', 'b', 'c'}) connection.Write(byte);
  writes.End();
  CHECK(connection.Read() == "abc");

  writes.Begin();
  connection.Write('d');
  CHECK(connection.Read().empty());
  writes.End();
  CHECK(connection.Read() == "d");
  connection.Write('e');
  CHECK(connection.Read() == "e");
}

TEST_CASE("every eighth write goes out with those before it") {
  const Connection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  for (int round = 0; round < 2; ++round) {
    writes.Begin();
    for (int i = 1; i <= 20; ++i) {
      connection.Write('x');
      if (round == 1 && i == 8) CHECK(connection.Read().size() == 8);
      if (round == 1 && i == 15) CHECK(connection.Read().empty());
    }
    writes.End();
    CHECK(connection.Read().size() == (round == 0 ? 20 : 12));
  }
}

TEST_CASE("one socket is sure after many writes to it, until the first one to another") {
  const Connection connection;
  const Connection other;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  const auto turn = [&writes](const Connection& to) {
    writes.Begin();
    to.Write('a');
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
