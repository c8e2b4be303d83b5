#include "client/status_text.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/catch.h"

namespace predictd::client {
namespace {

std::string Explained(grpc::StatusCode code, const std::string& message,
                      const std::string& details = "") {
  return ExplainFailure(grpc::Status(code, message, details), "host:1", absl::Seconds(5));
}

std::string Details(absl::Duration retry_delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(retry_delay)));
  google::rpc::Status status;
  status.add_details()->PackFrom(info);
  return status.SerializeAsString();
}

TEST_CASE("nobody listening is said with what to do") {
  CHECK(Explained(grpc::StatusCode::UNAVAILABLE,
                  "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: "
                  "Failed to connect to remote host: Connection refused") ==
        "no server at host:1 (Connection refused); start predictd or pass --server");
}

TEST_CASE("an unknown name is said with what to check") {
  CHECK(Explained(grpc::StatusCode::UNAVAILABLE,
                  "DNS resolution failed for nowhere:1: C-ares status is not ARES_SUCCESS qtype=A "
                  "name=nowhere is_balancer=0: Domain name not found") ==
        "cannot resolve host:1 (Domain name not found); check --server");
}

TEST_CASE("a handshake that fails points at the TLS flags") {
  CHECK(Explained(grpc::StatusCode::UNAVAILABLE,
                  "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Ssl "
                  "handshake failed: SSL_ERROR_SSL: WRONG_VERSION_NUMBER") ==
        "cannot connect to host:1 (WRONG_VERSION_NUMBER); check --server and the --tls flags");
}

TEST_CASE("a model that warms up points at predict wait") {
  CHECK(Explained(grpc::StatusCode::UNAVAILABLE, "model 'churn' is warming up",
                  Details(absl::Milliseconds(200))) ==
        "UNAVAILABLE: model 'churn' is warming up; 'predict wait' returns once it serves");
}

TEST_CASE("the server's advice when to try again is passed on") {
  CHECK(Explained(grpc::StatusCode::RESOURCE_EXHAUSTED, "queue full",
                  Details(absl::Milliseconds(50))) ==
        "RESOURCE_EXHAUSTED: queue full; try again in 50ms");
}

TEST_CASE("a deadline names the flag") {
  CHECK(Explained(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded") ==
        "no answer from host:1 within 5s (Deadline Exceeded); pass a longer --timeout");
}

TEST_CASE("other failures are code and message") {
  CHECK(Explained(grpc::StatusCode::NOT_FOUND, "user 'x'") == "NOT_FOUND: user 'x'");
}

}  // namespace
}  // namespace predictd::client
