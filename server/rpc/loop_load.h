// Whether a loop has so much to do, for several connections, that another one should help.
#ifndef PREDICTD_SERVER_RPC_LOOP_LOAD_H_
#define PREDICTD_SERVER_RPC_LOOP_LOAD_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/base/clock.h"

namespace predictd::rpc {

// gRPC gives all calls of one connection to one queue, but lets whichever thread waits longest read
// its socket: a second loop gets nothing to do and makes each call cost two hand-overs. Measured
// with one connection, 8 and 64 in flight: 1.5 and 1.8 of the CPU.
//
// One per loop; its thread only.
class LoopLoad {
 public:
  explicit LoopLoad(const Clock& clock) : clock_(clock), since_(clock.Now()) {}

  // There was nothing to do for `time`.
  void Idle(absl::Duration time) { idle_ += time; }
  // Something was sent on `socket`.
  void Sent(int socket) {
    ++sent_;
    if (socket != last_socket_) ++changes_;
    last_socket_ = socket;
  }

  // Asked again and again: true at the end of a while in which the loop was busy for more than half
  // of the time, and sent to different sockets in turn.
  bool Full();

 private:
  static constexpr absl::Duration kWhile = absl::Milliseconds(100);
  // A check of health now and then does not make two connections of one.
  static constexpr int kSentPerChange = 8;

  const Clock& clock_;
  absl::Time since_;
  absl::Duration idle_;
  int64_t sent_ = 0;
  int64_t changes_ = 0;
  int last_socket_ = -1;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_LOOP_LOAD_H_
