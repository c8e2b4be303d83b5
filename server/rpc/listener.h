// The gRPC server's credentials and limits, from flags.
#ifndef PREDICTD_SERVER_RPC_LISTENER_H_
#define PREDICTD_SERVER_RPC_LISTENER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd::rpc {

struct ListenOptions {
  // "host:port", "[::1]:port", "unix:/path"; port 0 = any free one.
  std::vector<std::string> addresses;
  // Paths of PEM files; empty = plain text. With a client CA, callers must show a certificate.
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  int max_message_mb = 4;
  int max_streams = 1024;  // calls under way per connection
  // Age at which a connection is to end, so that its client opens another one; zero = none. Calls
  // that are under way then have the grace to end.
  absl::Duration max_connection_age;
  absl::Duration connection_grace;
};

// INVALID_ARGUMENT names the flag and the file that cannot be used.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ListenOptions& options);

// What one caller may ask of the server, and how long a connection lasts.
void SetLimits(const ListenOptions& options, grpc::ServerBuilder& builder);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_LISTENER_H_
