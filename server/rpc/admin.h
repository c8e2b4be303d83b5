// Who may load and unload models and write features: --admin.
#ifndef PREDICTD_SERVER_RPC_ADMIN_H_
#define PREDICTD_SERVER_RPC_ADMIN_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace predictd::rpc {

enum class AdminAccess { kOff, kLoopback, kAll };

// `peer` as gRPC names it: "ipv4:127.0.0.1:5005", "ipv6:%5B::1%5D:5005", "unix:/path".
// PERMISSION_DENIED says which flag would allow the call. kLoopback includes Unix sockets.
absl::Status CheckAdmin(AdminAccess access, absl::string_view peer);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_ADMIN_H_
