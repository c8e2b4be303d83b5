#include "server/rpc/gathered_writes.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <thread>

#include "tests/catch.h"
#include "tests/unit/rpc/tcp_connection.h"

namespace predictd::rpc {
namespace {

const SystemClock kClock;

TEST_CASE("what a turn writes goes out at its end") {
  const TcpConnection connection;
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
  const TcpConnection connection;
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
  const TcpConnection connection;
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
  const TcpConnection connection;
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
  const TcpConnection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("last");
  connection.ShutDown();
  CHECK(connection.Read() == "last");
  writes.End();
}

TEST_CASE("what was kept back goes out before the socket is closed") {
  TcpConnection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("last");
  connection.Close();
  CHECK(connection.Read() == "last");
  writes.End();
}

TEST_CASE("what a full socket does not take is sent in order once its peer has read") {
  const TcpConnection connection;
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
  REQUIRE(writes.unsent());
  writes.Retry();
  REQUIRE(writes.unsent());

  std::string read;
  for (int i = 0; writes.unsent(); ++i) {
    REQUIRE(i < 1'000'000);
    read += connection.Read();
    writes.Retry();
  }
  read += connection.Read();
  CHECK(read == sent);
}

TEST_CASE("what a full socket did not take does not go to the next one with its number") {
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  int number = 0;
  {
    TcpConnection connection;
    number = connection.near();
    for (int i = 0; !writes.unsent(); ++i) {
      REQUIRE(i < 100'000);
      writes.Begin();
      for (int j = 0; j < 3; ++j) connection.Send(std::string(1000, 'o'));
      writes.End();
    }
  }
  const TcpConnection next;
  REQUIRE(next.near() == number);
  writes.Retry();
  CHECK_FALSE(writes.unsent());
  writes.Begin();
  next.Write("new");
  writes.End();
  CHECK(next.Read() == "new");
}

TEST_CASE("what was kept back for a connection that breaks is given up") {
  TcpConnection connection;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  writes.Begin();
  connection.Write("kept");
  connection.Break();
  connection.Write("more");
  writes.End();
  CHECK_FALSE(writes.unsent());
  CHECK(connection.Send("after") < 0);
}

TEST_CASE("one socket is sure after many writes to it, until the first one to another") {
  const TcpConnection connection;
  const TcpConnection other;
  LoopLoad load{kClock};
  GatheredWrites writes{load};
  const auto turn = [&writes](const TcpConnection& to) {
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
