// Answers that one turn gives to one connection, sent together.
#ifndef PREDICTD_SERVER_RPC_GATHERED_WRITES_H_
#define PREDICTD_SERVER_RPC_GATHERED_WRITES_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/rpc/loop_load.h"
#include "server/rpc/socket_buffer.h"

namespace predictd::rpc {

// gRPC writes each answer by itself, and each write takes the whole way through TCP to the other
// side's socket: 40 % of a call's CPU, measured with 64 in flight. Between Begin and End writes to
// a socket are kept, up to SocketBuffer::kMost; every sixteenth, and End, sends what was kept.
//
// One per event loop; its thread only.
class GatheredWrites {
 public:
  static constexpr int kSure = 64;

  explicit GatheredWrites(LoopLoad& load) : load_(load) {}

  void Begin();
  void End();

  // Whether a socket took less than it was to be sent: Retry then until it has taken all. It
  // returns whether any socket took the rest.
  bool unsent() const { return !unsent_.empty(); }
  bool Retry();

  // Whether the last writes, kSure of them at least, all went to one socket: all calls come over
  // one connection.
  bool one_socket() const { return in_a_row_ >= kSure; }

  // Instead of sendmsg().
  ssize_t Send(int socket, const msghdr& message, int flags);

 private:
  struct Socket {
    SocketBuffer* buffer = nullptr;
    int written = 0;  // since Begin
  };

  LoopLoad& load_;
  std::vector<Socket> sockets_;  // by descriptor
  std::vector<int> written_to_;  // since Begin
  absl::flat_hash_set<SocketBuffer*> unsent_;
  int last_socket_ = -1;
  int in_a_row_ = 0;  // writes to it after the first, kSure at most
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_GATHERED_WRITES_H_
