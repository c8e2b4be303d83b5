// Where to listen: "host:port".
#ifndef PREDICTD_SERVER_BASE_HOST_AND_PORT_H_
#define PREDICTD_SERVER_BASE_HOST_AND_PORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd {

struct HostAndPort {
  std::string host;  // IPv6 without its brackets
  uint16_t port = 0;
};

// "127.0.0.1:50051", "localhost:0", "[::1]:50051". None where host or port is missing: a port alone
// would be one of all interfaces, which is not to happen unasked.
std::optional<HostAndPort> SplitHostAndPort(absl::string_view address);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_HOST_AND_PORT_H_
