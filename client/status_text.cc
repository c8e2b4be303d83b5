#include "client/status_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/text.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace predictd::client {
namespace {

constexpr absl::string_view kNoConnection = "failed to connect to all addresses";
// A certificate or key that gRPC cannot use leaves it without a way to connect.
constexpr absl::string_view kNoWay = "empty address list";
constexpr absl::string_view kNoName = "DNS resolution failed";

// What lies behind gRPC's chain of causes, such as "Connection refused".
absl::string_view LastCause(absl::string_view message) {
  constexpr absl::string_view kRemote = "Failed to connect to remote host: ";
  if (const size_t at = message.rfind(kRemote); at != absl::string_view::npos) {
    return message.substr(at + kRemote.size());
  }
  const size_t at = message.rfind(": ");
  return at == absl::string_view::npos ? message : message.substr(at + 2);
}

std::string ExplainNoConnection(absl::string_view message, absl::string_view server) {
  if (absl::StrContains(message, kNoName)) {
    return absl::StrCat("cannot resolve ", server, " (", LastCause(message), "); check --server");
  }
  if (absl::StrContains(message, kNoWay)) {
    return absl::StrCat("cannot connect to ", server, "; check the files of the --tls flags");
  }
  const absl::string_view cause = LastCause(message);
  if (cause == "Connection refused" || cause == "No such file or directory") {
    return absl::StrCat("no server at ", server, " (", cause, "); start predictd or pass --server");
  }
  return absl::StrCat("cannot connect to ", server, " (", cause,
                      "); check --server and the --tls flags");
}

}  // namespace

absl::string_view CodeName(int code) {
  static constexpr absl::string_view kNames[] = {"OK",
                                                 "CANCELLED",
                                                 "UNKNOWN",
                                                 "INVALID_ARGUMENT",
                                                 "DEADLINE_EXCEEDED",
                                                 "NOT_FOUND",
                                                 "ALREADY_EXISTS",
                                                 "PERMISSION_DENIED",
                                                 "RESOURCE_EXHAUSTED",
                                                 "FAILED_PRECONDITION",
                                                 "ABORTED",
                                                 "OUT_OF_RANGE",
                                                 "UNIMPLEMENTED",
                                                 "INTERNAL",
                                                 "UNAVAILABLE",
                                                 "DATA_LOSS",
                                                 "UNAUTHENTICATED"};
  const bool known = code >= 0 && code < static_cast<int>(std::size(kNames));
  return known ? kNames[code] : "UNKNOWN";
}

bool NeverConnected(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         (absl::StrContains(status.error_message(), kNoConnection) ||
          absl::StrContains(status.error_message(), kNoWay) ||
          absl::StrContains(status.error_message(), kNoName));
}

std::optional<absl::Duration> RetryDelay(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : details.details()) {
    google::rpc::RetryInfo info;
    if (any.UnpackTo(&info)) return FromProto(info.retry_delay());
  }
  return std::nullopt;
}

std::string ExplainFailure(const grpc::Status& status, absl::string_view server,
                           absl::Duration timeout) {
  const std::string& message = status.error_message();
  if (NeverConnected(status)) return ExplainNoConnection(message, server);
  const std::string line = absl::StrCat(CodeName(status.error_code()), ": ", message);
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::StrCat("no answer from ", server, " within ", absl::FormatDuration(timeout),
                          " (", message, "); pass a longer --timeout");
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::StrCat(line, "; is ", server, " a predictd of this version?");
    case grpc::StatusCode::UNAVAILABLE:
      if (absl::StrContains(message, "warming up")) {
        return absl::StrCat(line, "; 'predict wait' returns once it serves");
      }
      break;
    default:
      break;
  }
  if (const auto delay = RetryDelay(status)) {
    return absl::StrCat(line, "; try again in ", absl::FormatDuration(*delay));
  }
  return line;
}

}  // namespace predictd::client
