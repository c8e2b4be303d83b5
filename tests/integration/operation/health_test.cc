// grpc.health.v1.Health, /healthz and /readyz.
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/faults/sockets.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// SERVING, NOT_SERVING, or the error's code.
std::string Check(PredictdProcess& server, const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  grpc::ClientContext context;
  SetDeadline(context);
  HealthCheckResponse response;
  const grpc::Status status = server.HealthStub().Check(&context, request, &response);
  if (status.error_code() == grpc::NOT_FOUND) return "NOT_FOUND";
  if (!status.ok()) return status.error_message();
  return HealthCheckResponse::ServingStatus_Name(response.status());
}

TEST_CASE("health is SERVING exactly when every model has a READY version") {
  ModelRepository repository;
  repository.Add("quick", 1, Sum(1));
  Gate gate;
  repository.Add("slow", 1, Gated(1, gate).Defaults(1));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=50ms"});
  REQUIRE(server.WaitForState("quick", 1, v1::MODEL_STATE_READY));
  CHECK(Check(server, "quick") == "SERVING");
  CHECK(Check(server, "slow") == "NOT_SERVING");
  CHECK(Check(server, "") == "NOT_SERVING");
  CHECK(Check(server, "predictd.v1.Predictor") == "NOT_SERVING");
  CHECK(Check(server, "nobody") == "NOT_FOUND");
  CHECK(server.HttpGet("/readyz").code == 503);
  CHECK(server.HttpGet("/readyz").body == "model 'slow' has no READY version\n");
  CHECK(server.HttpGet("/healthz").code == 200);
  CHECK(server.HttpGet("/elsewhere").code == 404);
  gate.Open();
  REQUIRE(server.WaitForState("slow", 1, v1::MODEL_STATE_READY));
  for (const char* service : {"", "predictd.v1.Predictor", "quick", "slow"}) {
    CHECK(Check(server, service) == "SERVING");
  }
  CHECK(server.HttpGet("/readyz").code == 200);
  repository.Remove("quick", 1);
  CHECK(WaitUntil([&] { return Check(server, "") == "NOT_SERVING"; }));
  CHECK(Check(server, "slow") == "SERVING");
}

TEST_CASE("HTTP pages answer HEAD as GET, without the body, and refuse what would change them") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
    INFO(path);
    const HttpAnswer head = server.HttpGet(path, "HEAD");
    CHECK(head.code == 200);
    CHECK(head.body.empty());
    CHECK(absl::StrContains(head.headers, "Content-Length: "));
    const HttpAnswer refused = server.HttpGet(path, "POST");
    CHECK(refused.code == 405);
    CHECK(absl::StrContains(refused.headers, "Allow: GET, HEAD"));
    // Closed, as it says: nothing behind it is taken for a request.
    const std::string refusal = HttpExchange(
        server.http_address(), absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\n\r\nGET ", path,
                                            " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    CHECK(absl::StartsWith(refusal, "HTTP/1.1 405"));
    CHECK_FALSE(absl::StrContains(refusal, "200 OK"));
  }
}

TEST_CASE("callers who keep their HTTP connections open do not hold up a probe of readiness") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  const auto ask = [](const std::string& path) {
    return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
  };
  std::vector<RawConnection> kept;
  for (int i = 0; i < 4; ++i) {
    RawConnection& connection = kept.emplace_back(server.http_address());
    REQUIRE(connection.Send(ask("/metrics")));
    CHECK(absl::StrContains(connection.Receive(kPatience), "Connection: close\r\n"));
  }
  CHECK(absl::StartsWith(HttpExchange(server.http_address(), ask("/readyz")), "HTTP/1.1 200"));
}

TEST_CASE("callers who connect and say nothing do not hold up a probe either") {
  ModelRepository repository;
  PredictdProcess server({"--models=" + repository.path()});
  std::vector<RawConnection> silent;
  for (int i = 0; i < 32; ++i) silent.emplace_back(server.http_address());
  // Each of them is given up after seconds.
  const absl::Time start = absl::Now();
  CHECK(server.HttpGet("/healthz").code == 200);
  CHECK(absl::Now() - start < absl::Seconds(10));
}

TEST_CASE("an event loop that is stuck makes /healthz fail and name it") {
  ModelRepository repository;
  Gate gate;
  repository.Add("m", 1, Gated(1, gate).Defaults(0));
  PredictdProcess server(
      {"--models=" + repository.path(), "--event_loops=1", "--inline_budget=1h"});
  REQUIRE(server.WaitUntilReady());
  CHECK(server.HttpGet("/healthz").code == 200);
  grpc::Status status;
  std::thread caller([&] { status = server.Predict("u", {{"f0", 1}}).status; });
  HttpAnswer answer;
  CHECK(WaitUntil([&] {
    answer = server.HttpGet("/healthz");
    return answer.code == 503;
  }));
  CHECK(absl::StartsWith(answer.body, "event loop 0 has not answered for 1"));
  gate.Open();
  caller.join();
  CHECK(status.ok());
  CHECK(WaitUntil([&] { return server.HttpGet("/healthz").code == 200; }));
}

TEST_CASE("with a default model the others do not count") {
  ModelRepository repository;
  repository.Add("main", 1, Sum(1));
  repository.Add("broken", 1, Sum(1).Golden({1}, {2}));
  PredictdProcess server({"--models=" + repository.path(), "--default_model=main"});
  REQUIRE(server.WaitUntilReady());
  CHECK(Check(server, "") == "SERVING");
  CHECK(Check(server, "main") == "SERVING");
  CHECK(Check(server, "broken") == "NOT_SERVING");
}

TEST_CASE("a watch tells each change, and ends when the drain does") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=50ms"});
  REQUIRE(server.WaitUntilReady());
  grpc::ClientContext context;
  SetDeadline(context);
  HealthCheckRequest request;
  request.set_service("m");
  const auto watch = server.HealthStub().Watch(&context, request);
  grpc::ClientContext unknown_context;
  SetDeadline(unknown_context);
  request.set_service("later");
  const auto unknown = server.HealthStub().Watch(&unknown_context, request);

  HealthCheckResponse response;
  REQUIRE(watch->Read(&response));
  CHECK(response.status() == HealthCheckResponse::SERVING);
  REQUIRE(unknown->Read(&response));
  CHECK(response.status() == HealthCheckResponse::SERVICE_UNKNOWN);
  repository.Add("later", 1, Sum(1));
  REQUIRE(unknown->Read(&response));
  // It may be seen while it loads.
  if (response.status() == HealthCheckResponse::NOT_SERVING) REQUIRE(unknown->Read(&response));
  CHECK(response.status() == HealthCheckResponse::SERVING);

  server.Kill(SIGTERM);
  REQUIRE(watch->Read(&response));
  CHECK(response.status() == HealthCheckResponse::NOT_SERVING);
  CHECK_FALSE(watch->Read(&response));
  CHECK(watch->Finish().error_code() == grpc::UNAVAILABLE);
  REQUIRE(unknown->Read(&response));
  CHECK(response.status() == HealthCheckResponse::NOT_SERVING);
  CHECK_FALSE(unknown->Read(&response));
  unknown->Finish();
  CHECK(server.WaitForExit() == 0);
}

TEST_CASE("in the drain new calls are refused, and those in flight are answered") {
  ModelRepository repository;
  Gate gate;
  repository.Add("m", 1, Gated(1, gate).Defaults(0));
  PredictdProcess server(
      {"--models=" + repository.path(), "--inline_budget=0", "--drain_timeout=10m"});
  REQUIRE(server.WaitUntilReady());
  grpc::Status held;
  std::thread caller([&] { held = server.Predict("u", {{"f0", 1}}).status; });
  CHECK(server.WaitForMetric("predictd_in_flight_requests", 1));
  server.Kill(SIGTERM);
  grpc::Status refused;
  CHECK(WaitUntil([&] {
    refused = server.Predict("u", {{"f0", 0}}).status;
    return !refused.ok();
  }));
  CHECK(refused.error_code() == grpc::UNAVAILABLE);
  CHECK(refused.error_message() == "shutting down");
  CHECK(Check(server, "") == "NOT_SERVING");
  CHECK(server.HttpGet("/readyz").code == 503);
  CHECK(server.HttpGet("/readyz").body == "draining\n");
  gate.Open();
  caller.join();
  CHECK(held.ok());
  CHECK(server.WaitForExit() == 0);
}

TEST_CASE("in the lame-duck time everyone is served") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  // Longer than the test takes; SIGKILL ends it.
  PredictdProcess server({"--models=" + repository.path(), "--lame_duck=1h", "--drain_timeout=2h"});
  REQUIRE(server.WaitUntilReady());
  REQUIRE(server.Predict("u", {{"f0", 1}}).ok());
  server.Kill(SIGTERM);
  REQUIRE(WaitUntil([&] { return Check(server, "") == "NOT_SERVING"; }));
  CHECK(Check(server, "m") == "NOT_SERVING");
  CHECK(server.Predict("u", {{"f0", 1}}).ok());
  CHECK(server.HttpGet("/readyz").code == 503);
  CHECK(server.HttpGet("/healthz").code == 200);
  server.ExpectExit(128 + SIGKILL);
  server.Kill(SIGKILL);
}

}  // namespace
}  // namespace predictd::integration
