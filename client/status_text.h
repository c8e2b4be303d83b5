// Why a call failed and what to do about it, in one line.
#ifndef PREDICTD_CLIENT_STATUS_TEXT_H_
#define PREDICTD_CLIENT_STATUS_TEXT_H_

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd::client {

// "NOT_FOUND", as gRPC names it; UNKNOWN for a number that is no code.
absl::string_view CodeName(int code);

// `server` is the address that was called, `timeout` the call's.
std::string ExplainFailure(const grpc::Status& status, absl::string_view server,
                           absl::Duration timeout);

// True where the call never reached a server: nobody listens, the name is unknown, the TLS
// handshake failed.
bool NeverConnected(const grpc::Status& status);

// The server's google.rpc.RetryInfo, where it sent one.
std::optional<absl::Duration> RetryDelay(const grpc::Status& status);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_STATUS_TEXT_H_
