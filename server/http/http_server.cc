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

class HealthPage : public Page {
 public:
  HealthPage(Question why_not, absl::string_view well)
      : why_not_(std::move(why_not)), well_(well) {}

 private:
  Response Make() override {
    const std::string why_not = why_not_();
    return {.ok = why_not.empty(), .body = absl::StrCat(why_not.empty() ? well_ : why_not, "\n")};
  }

  const Question why_not_;
  const absl::string_view well_;
};

// What civetweb has said on this thread first: its exception has no words.
thread_local std::string civetweb_words;

int KeepWords(const mg_connection*, const char* message) {
  if (civetweb_words.empty()) civetweb_words = message;
  return 1;  // kept
}

}  // namespace

struct HttpServer::Pages {
  Pages(Metrics& metrics, Question live, Question ready)
      : metrics(metrics), live(std::move(live), "ok"), ready(std::move(ready), "ready") {}

  MetricsPage metrics;
  HealthPage live;
  HealthPage ready;
  std::string host;
  int port = 0;
  // Last member: stops before the pages it serves go.
  std::unique_ptr<CivetServer> server;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              Metrics& metrics, Question live,
                                                              Question ready) {
  const std::optional<HostAndPort> parts = SplitHostAndPort(address);
  if (!parts) {
    return absl::InvalidArgumentError(
        absl::StrCat("--http_listen: ", address,
                     " is no address; write host:port or [::1]:port, or leave it empty to switch "
                     "HTTP off"));
  }
  auto pages = std::make_unique<Pages>(metrics, std::move(live), std::move(ready));
  // civetweb takes "host:port" as it stands, IPv6 in brackets. No connection is kept alive: each
  // would keep a thread, and idle scrapers the probes of readiness waiting. Who connects and says
  // nothing keeps one until their time is up: a few dozen of them must not take them all.
  const std::vector<std::string> options = {
      "listening_ports",   address, "num_threads", "64", "request_timeout_ms", "2500",
      "enable_keep_alive", "no",    "tcp_nodelay", "1"};
  CivetCallbacks callbacks;
  callbacks.log_message = KeepWords;
  civetweb_words.clear();
  try {
    pages->server = std::make_unique<CivetServer>(options, &callbacks);
  } catch (const CivetException&) {
    if (civetweb_words.empty()) civetweb_words = absl::StrCat("cannot listen on ", address);
    return absl::FailedPreconditionError(absl::StrCat(
        "--http_listen: ", civetweb_words,
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
