// One HTTP request on a connection of its own.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_HTTP_GET_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_HTTP_GET_H_

#include <string>

namespace predictd::integration {

struct HttpAnswer {
  int code = 0;  // 0 where nobody answered
  std::string headers;
  std::string body;
};

// What comes back for these bytes until the other side closes. `address` is 127.0.0.1:PORT.
std::string HttpExchange(const std::string& address, const std::string& request);

HttpAnswer HttpGet(const std::string& address, const std::string& path,
                   const std::string& method = "GET");

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_HTTP_GET_H_
