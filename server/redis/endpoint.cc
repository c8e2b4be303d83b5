#include "server/redis/endpoint.h"

#include <netdb.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace predictd::redis {
namespace {

// The code of getaddrinfo and the endpoints it found.
std::pair<int, std::vector<Endpoint>> GetAddresses(const std::string& host, int port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::vector<Endpoint> endpoints;
  const int error = ::getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (error != 0) return {error, std::move(endpoints)};
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    Endpoint& endpoint = endpoints.emplace_back();
    std::memcpy(&endpoint.storage, info->ai_addr, info->ai_addrlen);
    endpoint.length = info->ai_addrlen;
  }
  ::freeaddrinfo(found);
  return {0, std::move(endpoints)};
}

}  // namespace

std::optional<Endpoint> UnixEndpoint(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof(address.sun_path)) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  Endpoint endpoint;
  std::memcpy(&endpoint.storage, &address, sizeof(address));
  endpoint.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return endpoint;
}

std::optional<Endpoint> NumericEndpoint(const std::string& host, int port) {
  const auto [error, endpoints] = GetAddresses(host, port, AI_NUMERICHOST);
  if (endpoints.empty()) return std::nullopt;
  return endpoints.front();
}

absl::StatusOr<std::vector<Endpoint>> LookUpEndpoints(const std::string& host, int port) {
  auto [error, endpoints] = GetAddresses(host, port, AI_ADDRCONFIG);
  if (!endpoints.empty()) return std::move(endpoints);
  return absl::UnavailableError(absl::StrCat("host name '", host, "' cannot be resolved: ",
                                             error == 0 ? "no address" : ::gai_strerror(error)));
}

}  // namespace predictd::redis
