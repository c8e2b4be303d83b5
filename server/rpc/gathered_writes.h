// Answers that one turn gives to one connection, sent together.
#ifndef PREDICTD_SERVER_RPC_GATHERED_WRITES_H_
#define PREDICTD_SERVER_RPC_GATHERED_WRITES_H_

#include <vector>

#include "server/rpc/loop_load.h"

namespace predictd::rpc {

// gRPC writes each answer by itself, and each write takes the whole way through TCP to the other
// side's socket: 40 % of a call's CPU, measured with 64 in flight. Between Begin and End writes to
// a socket but every eighth and the last are marked with MSG_MORE: the kernel keeps them and sends
// them with the next, which takes a quarter off a call's CPU. Which is the last is a guess, as many
// as the last time; a wrong one is made good by End.
//
// For this the program's sendmsg() is the one of this file. One per event loop; its thread only.
class GatheredWrites {
 public:
  static constexpr int kSure = 64;

  explicit GatheredWrites(LoopLoad& load) : load_(load) {}

  void Begin();
  void End();

  // Whether the last writes, kSure of them at least, all went to one socket: all calls come over
  // one connection.
  bool one_socket() const { return in_a_row_ >= kSure; }

  // What sendmsg() adds to its flags.
  int FlagsFor(int socket);

 private:
  struct Socket {
    int expected = 0;
    int written = 0;
    bool held = false;  // the kernel keeps something back
  };

  LoopLoad& load_;
  std::vector<Socket> sockets_;  // by descriptor
  std::vector<int> written_to_;  // since Begin
  int last_socket_ = -1;
  int in_a_row_ = 0;  // writes to it after the first, kSure at most
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_GATHERED_WRITES_H_
