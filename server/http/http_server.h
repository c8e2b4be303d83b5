// The HTTP side: /metrics, /healthz, /readyz. For machines that scrape and probe, not for callers.
#ifndef PREDICTD_SERVER_HTTP_HTTP_SERVER_H_
#define PREDICTD_SERVER_HTTP_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/metrics.h"

namespace predictd::http {

// Why not; empty = all is well.
using Question = std::function<std::string()>;

// Threads of its own; what it asks for may be called on them at any time.
class HttpServer {
 public:
  // Serves `address` ("host:port", port 0 = any free one) until destroyed; each connection is
  // closed after its answer. `live` and `ready` say what /healthz and /readyz answer: 200, or 503
  // and why. An error names the flag.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           Metrics& metrics, Question live,
                                                           Question ready);
  ~HttpServer();

  // With the real port.
  const std::string& address() const { return address_; }

 private:
  struct Pages;
  HttpServer(std::unique_ptr<Pages> pages, std::string address);

  const std::unique_ptr<Pages> pages_;
  const std::string address_;
};

}  // namespace predictd::http

#endif  // PREDICTD_SERVER_HTTP_HTTP_SERVER_H_
