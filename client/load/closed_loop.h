// Closed loop: a fixed number of requests in flight; each answer sends the next.
#ifndef PREDICTD_CLIENT_LOAD_CLOSED_LOOP_H_
#define PREDICTD_CLIENT_LOAD_CLOSED_LOOP_H_

#include <memory>
#include <vector>

#include "client/load/load_loop.h"

namespace predictd::client {

// Measures how much a server can take. Its latencies are those of that many patient callers: a
// server that stalls is sent less, so ask OpenLoop for the latency at a given rate.
class ClosedLoop : public LoadLoop, private AnswerHandler {
 public:
  explicit ClosedLoop(const LoopOptions& options);
  ~ClosedLoop() override;

  void Run() override;
  const Tally& tally() const override { return tally_; }

 private:
  // False where the schedule is over.
  bool SendNext(size_t slot, int64_t now);
  void OnAnswer(size_t slot, const Answer& answer) override;

  const LoopOptions options_;
  int64_t quota_;
  Tally tally_;
  size_t in_flight_ = 0;
  std::vector<int64_t> starts_;  // by slot
  grpc::CompletionQueue queue_;
  std::unique_ptr<Rpc> rpc_;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_CLOSED_LOOP_H_
