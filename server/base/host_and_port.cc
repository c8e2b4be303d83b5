#include "server/base/host_and_port.h"

#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace predictd {

std::optional<HostAndPort> SplitHostAndPort(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  uint32_t port = 0;
  if (host.empty() || absl::StrContains(host, ',') ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port > std::numeric_limits<uint16_t>::max()) {
    return std::nullopt;
  }
  return HostAndPort{std::string(host), static_cast<uint16_t>(port)};
}

}  // namespace predictd
