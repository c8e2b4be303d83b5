#include "server/base/host_and_port.h"

#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("an address has a host, without its brackets, and a port") {
  struct Good {
    const char* address;
    const char* host;
    uint16_t port;
  };
  for (const Good& good :
       {Good{"127.0.0.1:50051", "127.0.0.1", 50051}, Good{"localhost:0", "localhost", 0},
        Good{"[::1]:8080", "::1", 8080}, Good{"0.0.0.0:65535", "0.0.0.0", 65535}}) {
    CAPTURE(good.address);
    const auto parts = SplitHostAndPort(good.address);
    REQUIRE(parts.has_value());
    CHECK(parts->host == good.host);
    CHECK(parts->port == good.port);
  }
}

TEST_CASE("a port alone, a list and what is no port are no address") {
  for (const char* address :
       {"", "8080", ":8080", "[]:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
        "127.0.0.1:65536", "127.0.0.1:8080s", "8080,127.0.0.1:8081", "127.0.0.1:8080,8081"}) {
    CAPTURE(address);
    CHECK_FALSE(SplitHostAndPort(address).has_value());
  }
}

}  // namespace
}  // namespace predictd
