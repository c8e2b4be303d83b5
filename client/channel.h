// Channels to predictd.
#ifndef PREDICTD_CLIENT_CHANNEL_H_
#define PREDICTD_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace predictd::client {

struct ConnectionOptions {
  std::string server;  // host:port or unix:/path
  bool tls = false;    // implied by any of the files
  std::string tls_ca;  // PEM files; empty = the system's roots, no client certificate
  std::string tls_cert;
  std::string tls_key;
};

// A channel with a connection of its own, made by the first call. A call is tried once and fails at
// once where there is no server. No proxy is used. INVALID_ARGUMENT names the flag that is wrong.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ConnectionOptions& options);

// The call ends after `timeout` at the latest; infinite = no deadline.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_CHANNEL_H_
