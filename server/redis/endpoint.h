// A socket address that a socket can connect to without any look-up.
#ifndef PREDICTD_SERVER_REDIS_ENDPOINT_H_
#define PREDICTD_SERVER_REDIS_ENDPOINT_H_

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace predictd::redis {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// Nothing where the path does not fit into a socket address.
std::optional<Endpoint> UnixEndpoint(const std::string& path);

// Nothing where `host` is not an IPv4 or IPv6 address in numbers. Never waits.
std::optional<Endpoint> NumericEndpoint(const std::string& host, int port);

// Asks the system's resolver, in the order it prefers; at least one on success, else UNAVAILABLE.
// May wait for seconds.
absl::StatusOr<std::vector<Endpoint>> LookUpEndpoints(const std::string& host, int port);

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_ENDPOINT_H_
