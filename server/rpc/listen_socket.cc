#include "server/rpc/listen_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/base/host_and_port.h"
#include "server/base/status.h"

namespace predictd::rpc {
namespace {

constexpr int kBacklog = 1024;

absl::Status CannotListen(absl::string_view address, int error) {
  const absl::string_view remedy =
      error == EADDRINUSE ? "stop the process that serves it, or choose another address"
                          : "is the address this machine's, and may predictd use it?";
  return absl::FailedPreconditionError(absl::StrCat("--listen: cannot listen on ", address, ": ",
                                                    std::strerror(error), "; ", remedy));
}

// -1 with errno where it cannot.
int OpenTcp(const addrinfo& found, uint16_t port) {
  sockaddr_storage address{};
  std::memcpy(&address, found.ai_addr, found.ai_addrlen);
  // The port stands at the same place in both families.
  if (port != 0) reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(port);
  const int descriptor = ::socket(found.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  const int off = 0;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // What is accepted inherits it: an answer does not wait for the acknowledgement of the last one.
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (found.ai_family == AF_INET6) {
    ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), found.ai_addrlen) == 0 &&
      ::listen(descriptor, kBacklog) == 0) {
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

// 0 where a Unix socket may be made at `name`: nothing is there, or the file of a process that is
// gone, which is removed. Else why not: one that serves it, or that may not be asked, keeps it.
int MakeRoom(const sockaddr_un& name) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return errno;
  const bool served = ::connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
  const int error = served ? EADDRINUSE : errno;
  ::close(probe);
  if (error == EAGAIN) return EADDRINUSE;  // served, by one that is behind
  if (error == ENOENT) return 0;
  if (error != ECONNREFUSED) return error;
  struct stat file {};
  if (::lstat(name.sun_path, &file) == 0 && S_ISSOCK(file.st_mode)) ::unlink(name.sun_path);
  return 0;
}

uint16_t PortOf(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

}  // namespace

absl::StatusOr<ListenSocket> ListenSocket::OpenUnix(const std::string& address, std::string path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("--listen: the socket path of ", address,
                                                   " must have 1 to ", sizeof(name.sun_path) - 1,
                                                   " bytes"));
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  const auto* const plain = reinterpret_cast<const sockaddr*>(&name);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return CannotListen(address, errno);
  int error = MakeRoom(name);
  if (error == 0 &&
      (::bind(descriptor, plain, sizeof(name)) != 0 || ::listen(descriptor, kBacklog) != 0)) {
    error = errno;
  }
  if (error == 0) return ListenSocket(descriptor, std::move(path), address);
  ::close(descriptor);
  return CannotListen(address, error);
}

absl::StatusOr<std::vector<ListenSocket>> ListenSocket::Open(const std::string& address) {
  std::vector<ListenSocket> sockets;
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "unix:")) {
    absl::ConsumePrefix(&path, "//");
    auto opened = OpenUnix(address, std::string(path));
    PREDICTD_RETURN_IF_ERROR(opened.status());
    sockets.push_back(*std::move(opened));
    return sockets;
  }
  const std::optional<HostAndPort> parts = SplitHostAndPort(address);
  if (!parts) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--listen: ", address, " is no address; write host:port, [::1]:port or unix:/path.sock"));
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int failed =
      ::getaddrinfo(parts->host.c_str(), absl::StrCat(parts->port).c_str(), &hints, &list);
  if (failed != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--listen: ", address, ": ", ::gai_strerror(failed), "; give an address of this machine"));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  uint16_t port = 0;
  int error = 0;
  for (const addrinfo* found = list; found != nullptr; found = found->ai_next) {
    const int descriptor = OpenTcp(*found, port);
    if (descriptor < 0) {
      error = errno;
      // A name may have addresses that this machine cannot use, such as ::1 without IPv6.
      if (error == EADDRINUSE) break;
      continue;
    }
    port = PortOf(descriptor);
    const size_t colon = address.rfind(':');
    sockets.push_back(
        ListenSocket(descriptor, "", absl::StrCat(address.substr(0, colon + 1), port)));
    error = 0;
  }
  if (sockets.empty() || error == EADDRINUSE) return CannotListen(address, error);
  return sockets;
}

ListenSocket::~ListenSocket() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

}  // namespace predictd::rpc
