#include "server/http/http_server.h"

#include <CivetServer.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/host_and_port.h"
#include "server/http/process_metrics.h"

namespace predictd::http {
namespace {

constexpr absl::Duration kWakeEvery = absl::Milliseconds(20);

struct Response {
  bool ok = true;  // else 503
  std::string body;
  const char* content_type = "text/plain; charset=utf-8";
};

// Answers GET, and HEAD with the same headers.
class Page : public CivetHandler {
 public:
  bool handleGet(CivetServer*, mg_connection* connection) final {
    const Response response = Make();
    SendHead(connection, response);
    mg_write(connection, response.body.data(), response.body.size());
    return true;
  }
  bool handleHead(CivetServer*, mg_connection* connection) final {
    SendHead(connection, Make());
    return true;
  }
  bool handlePost(CivetServer*, mg_connection* connection) final { return Refuse(connection); }
  bool handlePut(CivetServer*, mg_connection* connection) final { return Refuse(connection); }
  bool handleDelete(CivetServer*, mg_connection* connection) final { return Refuse(connection); }
  bool handlePatch(CivetServer*, mg_connection* connection) final { return Refuse(connection); }

 private:
  virtual Response Make() = 0;

  static void SendHead(mg_connection* connection, const Response& response) {
    mg_printf(connection,
              "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
              response.ok ? "200 OK" : "503 Service Unavailable", response.content_type,
              response.body.size());
  }

  static bool Refuse(mg_connection* connection) {
    mg_printf(connection,
              "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n"
              "Connection: close\r\n\r\n");
    return true;
  }
};

class MetricsPage : public Page {
 public:
  explicit MetricsPage(Metrics& metrics) : metrics_(metrics) {}

 private:
  Response Make() override {
    std::vector<prometheus::MetricFamily> families = metrics_.Collect();
    AppendProcessMetrics(families);
    // https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    return {.body = prometheus::TextSerializer().Serialize(families),
            .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  }

  Metrics& metrics_;
};

// The process answers: that is all that liveness asks.
class LivePage : public Page {
  Response Make() override { return {.body = "ok\n"}; }
};

class ReadyPage : public Page {
 public:
  explicit ReadyPage(std::function<bool()> ready) : ready_(std::move(ready)) {}

 private:
  Response Make() override {
    const bool ready = ready_();
    return {.ok = ready, .body = ready ? "ready\n" : "not ready\n"};
  }

  const std::function<bool()> ready_;
};

}  // namespace

struct HttpServer::Pages {
  Pages(Metrics& metrics, std::function<bool()> is_ready)
      : metrics(metrics), ready(std::move(is_ready)) {}

  MetricsPage metrics;
  LivePage live;
  ReadyPage ready;
  std::string host;
  int port = 0;
  // Last member: stops before the pages it serves go.
  std::unique_ptr<CivetServer> server;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              Metrics& metrics,
                                                              std::function<bool()> ready) {
  const std::optional<HostAndPort> parts = SplitHostAndPort(address);
  if (!parts) {
    return absl::InvalidArgumentError(
        absl::StrCat("--http_listen: ", address,
                     " is no address; write host:port or [::1]:port, or leave it empty to switch "
                     "HTTP off"));
  }
  auto pages = std::make_unique<Pages>(metrics, std::move(ready));
  // civetweb takes "host:port" as it stands, IPv6 in brackets. No connection is kept alive: each
  // would keep a thread, and idle scrapers the probes of readiness waiting; so would as many who
  // connect and say nothing, until their time is up.
  const std::vector<std::string> options = {
      "listening_ports",   address, "num_threads", "8", "request_timeout_ms", "5000",
      "enable_keep_alive", "no",    "tcp_nodelay", "1"};
  try {
    pages->server = std::make_unique<CivetServer>(options);
  } catch (const CivetException&) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--http_listen: cannot listen on ", address,
        "; give a free address such as 127.0.0.1:0, or an empty one to switch HTTP off"));
  }
  pages->server->addHandler("/metrics$", pages->metrics);
  pages->server->addHandler("/healthz$", pages->live);
  pages->server->addHandler("/readyz$", pages->ready);
  pages->host = parts->host;
  pages->port = pages->server->getListeningPorts().front();
  std::string bound = absl::StrCat(address.substr(0, address.rfind(':')), ":", pages->port);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(pages), std::move(bound)));
}

HttpServer::HttpServer(std::unique_ptr<Pages> pages, std::string address)
    : pages_(std::move(pages)), address_(std::move(address)) {}

HttpServer::~HttpServer() {
  // civetweb's accepting thread sleeps up to 2 s before it sees that it should stop; a connection
  // wakes it.
  std::atomic<bool> stopped = false;
  std::thread waker([&] {
    while (!stopped) {
      char error[128];
      mg_connection* connection =
          mg_connect_client(pages_->host.c_str(), pages_->port, 0, error, sizeof(error));
      if (connection != nullptr) mg_close_connection(connection);
      absl::SleepFor(kWakeEvery);
    }
  });
  pages_->server.reset();
  stopped = true;
  waker.join();
}

}  // namespace predictd::http
