// Open loop: requests leave at a given rate, whether or not the earlier ones have been answered.
#ifndef PREDICTD_CLIENT_LOAD_OPEN_LOOP_H_
#define PREDICTD_CLIENT_LOAD_OPEN_LOOP_H_

#include <grpcpp/alarm.h>

#include <memory>
#include <vector>

#include "client/load/load_loop.h"
#include "server/base/mutex.h"

namespace predictd::client {

// Latency counts from when a request should have been sent: where the server or this program falls
// behind, the waiting is part of the latency (no coordinated omission). A thread of its own keeps
// the pace, as a completion queue wakes up only to the millisecond. At most `slots` requests are in
// flight; beyond them requests leave late, and deadlines count from the intended time too.
class OpenLoop : public LoadLoop, private AnswerHandler {
 public:
  // Every `interval` ns, the first `offset` ns after the schedule's start.
  OpenLoop(const LoopOptions& options, double interval, double offset);
  ~OpenLoop() override;

  void Run() override;
  const Tally& tally() const override { return tally_; }

 private:
  struct PacerDone final : Event {
    void Happened(bool) override { happened = true; }
    bool happened = false;
  };

  void Pace();
  size_t TakeFreeSlot() ABSL_LOCKS_EXCLUDED(mutex_);
  bool AllAnswered() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnAnswer(size_t slot, const Answer& answer) override ABSL_LOCKS_EXCLUDED(mutex_);

  const LoopOptions options_;
  const double interval_;
  const double offset_;

  // Touched by the queue's thread alone.
  Tally tally_;
  PacerDone pacer_done_;

  // What the pacer counts; merged once it has ended.
  Tally sent_;

  Mutex mutex_;
  CondVar slot_freed_;
  std::vector<size_t> free_slots_ ABSL_GUARDED_BY(mutex_);
  // By slot; handed over with the slot.
  std::vector<int64_t> starts_;

  grpc::CompletionQueue queue_;
  grpc::Alarm alarm_;
  std::unique_ptr<Rpc> rpc_;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_OPEN_LOOP_H_
