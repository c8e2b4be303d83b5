#include "server/rpc/status_mapping.h"

#include <string>

#include "absl/strings/match.h"
#include "google/rpc/error_details.pb.h"
#include "server/base/status.h"
#include "server/base/utf8.h"
#include "tests/catch.h"

namespace predictd::rpc {
namespace {

TEST_CASE("a message longer than callers take keeps its beginning and says what it lost") {
  const std::string names(9000, 'x');
  const grpc::Status status = ToGrpc(absl::NotFoundError("unknown model; known are: " + names));
  CHECK(status.error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(absl::StartsWith(status.error_message(), "unknown model; known are: xxx"));
  CHECK(absl::EndsWith(status.error_message(), "x... (7026 more bytes)"));
  CHECK(status.error_message().size() < 2100);
}

TEST_CASE("a long message is not cut in the middle of a character") {
  std::string text = "x";
  for (int i = 0; i < 2000; ++i) text += "\xC3\xA4";
  const std::string told = ToGrpc(absl::NotFoundError(text)).error_message();
  CHECK(ValidUtf8(told) == told);
}

TEST_CASE("what is told in the details is as short") {
  const grpc::Status status = ToGrpc(
      WithRetryDelay(absl::UnavailableError(std::string(9000, 'x')), absl::Milliseconds(1500)));
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(status.error_details()));
  CHECK(details.message() == status.error_message());
  CHECK(details.message().size() < 2100);
  google::rpc::RetryInfo retry;
  REQUIRE(details.details_size() == 1);
  REQUIRE(details.details(0).UnpackTo(&retry));
  CHECK(retry.retry_delay().seconds() == 1);
  CHECK(retry.retry_delay().nanos() == 500'000'000);
}

}  // namespace
}  // namespace predictd::rpc
