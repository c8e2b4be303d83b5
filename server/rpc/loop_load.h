// Whether a loop has so much to do that another one should help.
#ifndef PREDICTD_SERVER_RPC_LOOP_LOAD_H_
#define PREDICTD_SERVER_RPC_LOOP_LOAD_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/base/clock.h"

namespace predictd::rpc {

// gRPC gives the calls of one connection to one queue (its own, dealt out in turn, or the next one
// that asks for calls), but lets whichever thread waits longest read its socket. So a second loop
// makes each call cost hand-overs between threads: measured with one connection, 8 and 64 in
// flight, 1.5 and 1.8 of the CPU. It pays where calls are heavy, such as batches of 1,000 rows, 4
// in flight: 1.45 of the rows/s; or where light ones of several connections wait for each other.
//
// One per loop; its thread only.
class LoopLoad {
 public:
  explicit LoopLoad(const Clock& clock) : clock_(clock), since_(clock.Now()) {}

  // A piece of work begins, a turn of the loop or a part of one, before which there was nothing to
  // do for `time`, or only what gRPC does within a wait: handshakes, and messages of which more is
  // to come.
  void Begin(absl::Duration time) {
    idle_ += time;
    ++pieces_;
  }
  // An answer was sent on `socket`. Those given at once, such as refusals, need not be told.
  void Sent(int socket) {
    ++sent_;
    if (socket == most_) {
      ++lead_;
    } else if (lead_ == 0) {
      most_ = socket;
      lead_ = 1;
    } else {
      --lead_;
    }
  }

  // Asked again and again: true at the end of a while in which the loop was busy nearly all of the
  // time, either for long per answer, or in long pieces with answers of which no socket had nearly
  // all.
  bool Full();

 private:
  static constexpr absl::Duration kWhile = absl::Milliseconds(100);
  static constexpr absl::Duration kHeavyAnswer = absl::Microseconds(100);
  static constexpr int kFewAnswers = 64;
  // With four connections and 8 in flight, 40 us a piece, a second loop made it 2.4 of the CPU per
  // call and 0.5 of the requests/s. With 256 in flight it is 260 us.
  static constexpr absl::Duration kLongPiece = absl::Microseconds(200);

  const Clock& clock_;
  absl::Time since_;
  absl::Duration idle_;
  int64_t pieces_ = 0;
  int64_t sent_ = 0;
  // The socket that has most of the answers, if one has more than half, and by how many it leads
  // (Boyer and Moore's majority vote).
  int most_ = -1;
  int64_t lead_ = 0;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_LOOP_LOAD_H_
