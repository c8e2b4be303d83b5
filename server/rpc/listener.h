// The gRPC server's sockets and limits: from flags to a started grpc::Server.
#ifndef PREDICTD_SERVER_RPC_LISTENER_H_
#define PREDICTD_SERVER_RPC_LISTENER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

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
};

// INVALID_ARGUMENT names the flag and the file that cannot be used.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ListenOptions& options);

// FAILED_PRECONDITION where another process serves the Unix socket: gRPC itself would take it over.
absl::Status CheckNotServed(absl::string_view address);

// Limits and addresses; `ports` gets the bound port per address when the server starts.
void Configure(const ListenOptions& options,
               const std::shared_ptr<grpc::ServerCredentials>& credentials,
               grpc::ServerBuilder& builder, std::vector<int>& ports);

// The address with the real port in place of 0.
std::string BoundAddress(const std::string& address, int port);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_LISTENER_H_
