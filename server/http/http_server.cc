#include "server/http/http_server.h"

#include <CivetServer.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/http/process_metrics.h"

namespace predictd::http {
namespace {

constexpr absl::Duration kWakeEvery = absl::Milliseconds(20);

void Answer(mg_connection* connection, int code, const char* reason, const char* content_type,
            const std::string& body) {
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\n\r\n",
            code, reason, content_type, body.size());
  mg_write(connection, body.data(), body.size());
}

void AnswerText(mg_connection* connection, bool ok, const std::string& body) {
  Answer(connection, ok ? 200 : 503, ok ? "OK" : "Service Unavailable", "text/plain; charset=utf-8",
         body + "\n");
}

class MetricsPage : public CivetHandler {
 public:
  explicit MetricsPage(Metrics& metrics) : metrics_(metrics) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    std::vector<prometheus::MetricFamily> families = metrics_.registry().Collect();
    AppendProcessMetrics(families);
    // https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    Answer(connection, 200, "OK", "text/plain; version=0.0.4; charset=utf-8",
           prometheus::TextSerializer().Serialize(families));
    return true;
  }

 private:
  Metrics& metrics_;
};

// The process answers: that is all that liveness asks.
class LivePage : public CivetHandler {
 public:
  bool handleGet(CivetServer*, mg_connection* connection) override {
    AnswerText(connection, true, "ok");
    return true;
  }
};

class ReadyPage : public CivetHandler {
 public:
  explicit ReadyPage(std::function<bool()> ready) : ready_(std::move(ready)) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    const bool ready = ready_();
    AnswerText(connection, ready, ready ? "ready" : "not ready");
    return true;
  }

 private:
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
  auto pages = std::make_unique<Pages>(metrics, std::move(ready));
  // civetweb takes "host:port" as it stands, IPv6 in brackets.
  const std::vector<std::string> options = {
      "listening_ports",   address, "num_threads",           "2",     "request_timeout_ms", "10000",
      "enable_keep_alive", "yes",   "keep_alive_timeout_ms", "10000", "tcp_nodelay",        "1"};
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
  pages->host = address.substr(0, address.rfind(':'));
  pages->port = pages->server->getListeningPorts().front();
  std::string bound = absl::StrCat(pages->host, ":", pages->port);
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
