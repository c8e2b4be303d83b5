#include "server/rpc/status_mapping.h"

#include <string>

#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "server/base/status.h"
#include "server/base/utf8.h"

namespace predictd::rpc {

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
  const std::string text(status.message());
  if (!RetryDelay(status)) return grpc::Status(code, text);
  return grpc::Status(code, text, ToMessage(status).SerializeAsString());
}

}  // namespace predictd::rpc
