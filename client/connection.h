// The server that the flags name: what every sub-command calls.
#ifndef PREDICTD_CLIENT_CONNECTION_H_
#define PREDICTD_CLIENT_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/channel.h"

namespace predictd::client {

struct Connection {
  std::string server;
  std::shared_ptr<grpc::Channel> channel;
  absl::Duration timeout;  // of one call
};

// From --server, --timeout and the --tls flags; nothing is sent yet. INVALID_ARGUMENT names the
// flag that is wrong.
absl::StatusOr<Connection> Connect();

// What Connect() would use, for further channels to the same server.
ConnectionOptions ConnectionOptionsFromFlags();

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_CONNECTION_H_
