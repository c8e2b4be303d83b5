// What the calls of all loops must know of the server's life.
#ifndef PREDICTD_SERVER_RPC_SERVICE_STATE_H_
#define PREDICTD_SERVER_RPC_SERVICE_STATE_H_

#include <atomic>

namespace predictd::rpc {

// Any thread; shared by all loops, owned by the server.
struct ServiceState {
  // The health service says NOT_SERVING; everybody is still served.
  std::atomic<bool> lame_duck{false};
  // New calls are refused with "shutting down".
  std::atomic<bool> draining{false};
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_SERVICE_STATE_H_
