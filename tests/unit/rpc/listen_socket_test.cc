#include "server/rpc/listen_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/fakes/temp_folder.h"

namespace predictd::rpc {
namespace {

TEST_CASE("port 0 becomes a real port, and a port is never shared") {
  auto first = ListenSocket::Open("127.0.0.1:0");
  REQUIRE(first.ok());
  REQUIRE(first->size() == 1);
  const std::string address = first->front().address();
  CHECK(absl::StartsWith(address, "127.0.0.1:"));
  CHECK(address != "127.0.0.1:0");
  const absl::Status taken = ListenSocket::Open(address).status();
  CHECK(absl::IsFailedPrecondition(taken));
  CHECK(absl::StrContains(taken.message(), "--listen: cannot listen on " + address));
  first->clear();
  CHECK(ListenSocket::Open(address).ok());
}

TEST_CASE("a name is listened on at each of its addresses, with one port") {
  const auto sockets = ListenSocket::Open("localhost:0");
  REQUIRE(sockets.ok());
  for (const ListenSocket& socket : *sockets) {
    CHECK(socket.address() == sockets->front().address());
  }
}

TEST_CASE("a Unix socket that a process serves is not taken, a file that is left over is") {
  const TempFolder folder;
  const std::string path = folder.File("s");
  {
    const auto first = ListenSocket::Open("unix:" + path);
    REQUIRE(first.ok());
    CHECK(first->front().address() == "unix:" + path);
    const absl::Status taken = ListenSocket::Open("unix://" + path).status();
    CHECK(absl::IsFailedPrecondition(taken));
    CHECK(absl::StrContains(taken.message(), path));
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(::mknod(path.c_str(), S_IFSOCK | 0600, 0) == 0);
  CHECK(ListenSocket::Open("unix:" + path).ok());
  REQUIRE(::mknod(path.c_str(), S_IFREG | 0600, 0) == 0);
  CHECK_FALSE(ListenSocket::Open("unix:" + path).ok());
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a Unix socket that cannot be asked whether a process serves it is not taken") {
  const TempFolder folder;
  const std::string path = folder.File("s");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const auto first = ListenSocket::Open("unix:" + path);
  REQUIRE(first.ok());
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(kNobody) == 0);
  const absl::Status refused = ListenSocket::Open("unix:" + path).status();
  if (root) REQUIRE(::seteuid(0) == 0);
  CHECK(absl::StrContains(refused.message(), path + ": Permission denied"));
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("what is no address of this machine is refused with the remedy") {
  for (const char* address : {"nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", ":50051",
                              "127.0.0.1:65536", "unix:", "256.0.0.1:1"}) {
    CAPTURE(address);
    const absl::Status refused = ListenSocket::Open(address).status();
    CHECK(absl::IsInvalidArgument(refused));
    CHECK(absl::StartsWith(refused.message(), "--listen: "));
  }
  // An address of the documentation (RFC 5737): nobody's, so nothing is contacted.
  const absl::Status foreign = ListenSocket::Open("192.0.2.1:0").status();
  CHECK(absl::StrContains(foreign.message(), "is the address this machine's"));
}

}  // namespace
}  // namespace predictd::rpc
