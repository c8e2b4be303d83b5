// One thread with one completion queue: where a call is taken, waits, resumes and is answered.
#ifndef PREDICTD_SERVER_RPC_EVENT_LOOP_H_
#define PREDICTD_SERVER_RPC_EVENT_LOOP_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "server/async/loop.h"
#include "server/base/mutex.h"
#include "server/rpc/adaptive_spin.h"
#include "server/rpc/event.h"
#include "server/rpc/gathered_writes.h"
#include "server/rpc/loop_load.h"
#include "server/rpc/open_calls.h"

namespace predictd::rpc {

// Run() on a thread of its own. What is posted after Shutdown may never run.
//
// A loop that rests runs what is posted to it, and its timers, but takes no call: it keeps out of
// gRPC's way (see LoopLoad) until Serve.
class EventLoop : public Loop, private Event {
 public:
  EventLoop(const Clock& clock, std::unique_ptr<grpc::ServerCompletionQueue> queue, bool rests);

  // `on_full` runs on this loop whenever it has been full for a while (see LoopLoad). Before Run.
  void OnFull(std::function<void()> on_full) { on_full_ = std::move(on_full); }

  // The loop's thread: no rest any more. Others take calls already.
  void Serve();
  // The loop's thread: another one takes calls as well.
  void StopSpinning() { spin_.Stop(); }

  grpc::ServerCompletionQueue& queue() { return *queue_; }
  OpenCalls& open_calls() { return open_calls_; }

  // Takes turns until the queue has been shut down and is empty, or gRPC keeps an event of it back.
  void Run();

  // Any thread, once; every operation that somebody waits for has come back.
  void Shutdown();

 private:
  // Tries again to send what sockets did not take.
  class Retry final : public Timer {
   public:
    explicit Retry(EventLoop& loop) : loop_(loop) {}
    // Where there is something to send and no time is set.
    void Begin();
    void Expired() override;

   private:
    void Start();

    EventLoop& loop_;
    absl::Duration pause_;
  };

  // Until Serve or Shutdown.
  void Rest();
  // Ends the pause: there is work, or there was in the turn that has ended.
  void Found();
  // The events that come after Shutdown.
  void TakeLastEvents();
  // Takes what the queue has, up to a bound; waits for the first event until `deadline`.
  void TakeEvents(gpr_timespec deadline);
  gpr_timespec NextTimerOnGrpcClock() const;

  void Wake() override;
  void BeforeReady() override { writes_.Begin(); }
  void AfterReady() override;
  // The alarm's event: a loop that slept takes a turn.
  void Done(bool ok) override;

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  OpenCalls open_calls_;
  // The loop's thread only.
  LoopLoad load_;
  GatheredWrites writes_{load_};
  Retry retry_{*this};
  AdaptiveSpin spin_;
  std::function<void()> on_full_;
  bool busy_ = false;
  unsigned quiet_takes_ = 0;
  // Setting an alarm on a queue that was shut down would end the process.
  Mutex alarm_mutex_;
  bool shut_down_ ABSL_GUARDED_BY(alarm_mutex_) = false;
  bool resting_ ABSL_GUARDED_BY(alarm_mutex_);
  // A wake-up came since the rest last looked.
  bool woken_ ABSL_GUARDED_BY(alarm_mutex_) = false;
  CondVar wake_;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(alarm_mutex_);
  // A second Set before the first one's event was taken would lose that event.
  std::atomic<bool> alarm_set_{false};
  std::atomic<bool> ending_{false};
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_EVENT_LOOP_H_
