#include <string>

#include "google/rpc/error_details.pb.h"
#include "server/base/status.h"
#include "server/rpc/admin.h"
#include "server/rpc/listener.h"
#include "server/rpc/status_mapping.h"
#include "tests/catch.h"

namespace predictd::rpc {
namespace {

TEST_CASE("a status keeps its code and message on its way out") {
  const grpc::Status status = ToGrpc(absl::NotFoundError("user 'x' is unknown"));
  CHECK(status.error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(status.error_message() == "user 'x' is unknown");
  CHECK(status.error_details().empty());
  CHECK(ToGrpc(absl::OkStatus()).ok());
}

TEST_CASE("a retry delay travels as RetryInfo in the status details") {
  const absl::Status warming =
      WithRetryDelay(absl::UnavailableError("warming up"), absl::Milliseconds(1500));
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(ToGrpc(warming).error_details()));
  CHECK(details.code() == 14);
  CHECK(details.message() == "warming up");
  google::rpc::RetryInfo retry;
  REQUIRE(details.details_size() == 1);
  REQUIRE(details.details(0).UnpackTo(&retry));
  CHECK(retry.retry_delay().seconds() == 1);
  CHECK(retry.retry_delay().nanos() == 500'000'000);
}

TEST_CASE("admin calls are taken from where --admin says") {
  struct Case {
    AdminAccess access;
    const char* peer;
    bool allowed;
  };
  const Case cases[] = {
      {AdminAccess::kLoopback, "ipv4:127.0.0.1:5005", true},
      {AdminAccess::kLoopback, "ipv4:127.8.9.1:5005", true},
      {AdminAccess::kLoopback, "ipv6:[::1]:5005", true},
      {AdminAccess::kLoopback, "ipv6:%5B::1%5D:5005", true},
      {AdminAccess::kLoopback, "ipv6:%5B::ffff:127.0.0.1%5D:5005", true},
      {AdminAccess::kLoopback, "unix:", true},
      {AdminAccess::kLoopback, "ipv4:10.0.0.7:5005", false},
      {AdminAccess::kLoopback, "ipv6:%5B2001:db8::1%5D:5005", false},
      {AdminAccess::kLoopback, "", false},
      {AdminAccess::kAll, "ipv4:10.0.0.7:5005", true},
      {AdminAccess::kOff, "ipv4:127.0.0.1:5005", false},
      {AdminAccess::kOff, "unix:", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.peer);
    const absl::Status status = CheckAdmin(c.access, c.peer);
    CHECK(status.ok() == c.allowed);
    if (!c.allowed) CHECK(absl::IsPermissionDenied(status));
  }
}

TEST_CASE("TLS files that go together or cannot be read are refused by their flag's name") {
  ListenOptions options;
  options.tls_cert = "/nowhere/cert.pem";
  CHECK(MakeCredentials(options).status().message() ==
        "--tls_cert and --tls_key go together; give both");
  options.tls_key = "/nowhere/key.pem";
  CHECK(MakeCredentials(options).status().message() ==
        "--tls_key: /nowhere/key.pem is no readable PEM file; give the path of one that "
        "predictd may read");
}

}  // namespace
}  // namespace predictd::rpc
