#include "server/rpc/status_mapping.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "server/base/status.h"
#include "server/base/utf8.h"

namespace predictd::rpc {
namespace {

// gRPC's clients take 8 KB of metadata, in which bytes beyond ASCII count three times, and answer
// RESOURCE_EXHAUSTED to the caller where a status has more.
constexpr size_t kLongestMessage = 2000;

std::string Shortened(absl::string_view message) {
  if (message.size() <= kLongestMessage) return std::string(message);
  size_t length = kLongestMessage;
  // Not in the middle of a character.
  while (length > 0 && (static_cast<unsigned char>(message[length]) & 0xC0) == 0x80) --length;
  const absl::string_view start = message.substr(0, length);
  return absl::StrCat(start, "... (", message.size() - start.size(), " more bytes)");
}

}  // namespace

google::rpc::Status ToMessage(const absl::Status& status) {
  google::rpc::Status message;
  message.set_code(static_cast<int>(status.code()));
  message.set_message(ValidUtf8(status.message()));
  if (const auto delay = RetryDelay(status)) {
    google::rpc::RetryInfo retry;
    absl::Duration rest = *delay;
    retry.mutable_retry_delay()->set_seconds(absl::IDivDuration(rest, absl::Seconds(1), &rest));
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
    message.add_details()->PackFrom(retry);
  }
  return message;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string text = Shortened(status.message());
  if (!RetryDelay(status)) return grpc::Status(code, text);
  google::rpc::Status details = ToMessage(status);
  details.set_message(ValidUtf8(text));
  return grpc::Status(code, text, details.SerializeAsString());
}

}  // namespace predictd::rpc
