// Sockets that listen where --listen says.
#ifndef PREDICTD_SERVER_RPC_LISTEN_SOCKET_H_
#define PREDICTD_SERVER_RPC_LISTEN_SOCKET_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace predictd::rpc {

// Owns the socket; the file of a Unix socket goes with it.
class ListenSocket {
 public:
  // `address`: "host:port", "[::1]:port" or "unix:/path"; port 0 = any free one. A host name is
  // listened on at each of its addresses, [::] takes IPv4 callers as well. Never shares a port with
  // another process, nor takes a Unix socket that one serves, or that it may not ask whether one
  // does. An error names --listen and what to do.
  static absl::StatusOr<std::vector<ListenSocket>> Open(const std::string& address);

  ListenSocket(ListenSocket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        unix_path_(std::move(other.unix_path_)),
        address_(std::move(other.address_)) {}
  ListenSocket& operator=(ListenSocket&&) = delete;
  ~ListenSocket();

  // Does not block.
  int descriptor() const { return descriptor_; }
  // As it was given, with the real port in place of 0.
  const std::string& address() const { return address_; }

 private:
  ListenSocket(int descriptor, std::string unix_path, std::string address)
      : descriptor_(descriptor), unix_path_(std::move(unix_path)), address_(std::move(address)) {}

  static absl::StatusOr<ListenSocket> OpenUnix(const std::string& address, std::string path);

  int descriptor_;
  std::string unix_path_;  // empty for TCP
  std::string address_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_LISTEN_SOCKET_H_
