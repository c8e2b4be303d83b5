// One thread's turn: what other threads sent, timers that are due, coroutines that can go on, and
// the steps (Redis, batches) that gather what one turn brought.
//
// rpc::EventLoop adds gRPC's completion queue; a test's loop runs turns when told.
#ifndef PREDICTD_SERVER_ASYNC_LOOP_H_
#define PREDICTD_SERVER_ASYNC_LOOP_H_

#include <atomic>
#include <coroutine>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/async/work.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace predictd {

// Runs once at or after a time. Belongs to its user, who stops it before it is destroyed.
class Timer {
 public:
  virtual void Expired() = 0;
  bool running() const { return when_ != absl::InfiniteFuture(); }

 protected:
  Timer() = default;
  ~Timer() = default;

 private:
  friend class Loop;
  absl::Time when_ = absl::InfiniteFuture();
};

// Something a loop does once per turn with what the turn has gathered.
class TurnStep {
 public:
  virtual ~TurnStep() = default;
  // Returns true if it did anything: then the loop takes another turn before it sleeps.
  virtual bool Turn() = 0;
  // True while an answer is under way that will come without waking the loop by itself: the loop
  // then looks a little longer before it sleeps.
  virtual bool AnswersOutstanding() const { return false; }
  // Called right before the loop sleeps: whatever must be able to wake it is armed here.
  virtual void BeforeSleep() {}
};

class Loop {
 public:
  explicit Loop(const Clock& clock) : clock_(clock) {}
  virtual ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Any thread: runs `work` on this loop. Wakes the loop once, however much is posted before it
  // runs.
  void Post(Work& work) ABSL_LOCKS_EXCLUDED(inbox_mutex_);
  // All of `works`, under one lock.
  void Post(WorkList& works) ABSL_LOCKS_EXCLUDED(inbox_mutex_);
  // The same for a function; allocates.
  void PostFunction(std::function<void()> function);

  // Any thread: makes the loop take a turn, so that its steps look at their sockets.
  void Nudge();

  // The rest: the loop's thread only.

  // Runs `work` later, never within this call, so that nothing re-enters.
  void Ready(Work& work) { ready_.Push(work); }

  void Start(Timer& timer, absl::Time when);
  void Stop(Timer& timer);

  // Steps run in the order they were added; they outlive the loop's last turn.
  void AddStep(TurnStep& step) { steps_.push_back(&step); }

  const Clock& clock() const { return clock_; }
  // Read once per piece of work: what one piece does at once happens at one time. (About ten
  // readings of the clock per request were 4 % of its CPU.)
  absl::Time Now() const {
    if (!in_piece_) return clock_.Now();
    if (now_ == absl::InfinitePast()) now_ = clock_.Now();
    return now_;
  }
  absl::Time WallNow() const {
    if (!in_piece_) return clock_.WallNow();
    if (wall_now_ == absl::InfinitePast()) wall_now_ = clock_.WallNow();
    return wall_now_;
  }

  // Awaitable: resumes at `when`, or later.
  auto SleepUntil(absl::Time when);
  auto Sleep(absl::Duration duration);

 protected:
  // One turn. Returns true if anything was done.
  bool RunTurn();
  // Runs what is ready, up to a bound, so that sockets are looked at in between.
  bool RunReady();
  // Around each piece of work.
  void BeginPiece() {
    in_piece_ = true;
    now_ = wall_now_ = absl::InfinitePast();
  }
  void EndPiece() { in_piece_ = false; }

  // Call before sleeping, on the loop's thread: true if the inbox is empty and nothing is ready;
  // from then on the next Post calls Wake once. Call AfterSleep when awake.
  bool PrepareSleep() ABSL_LOCKS_EXCLUDED(inbox_mutex_);
  void AfterSleep() { asleep_.store(false, std::memory_order_relaxed); }

  bool AnswersOutstanding() const;
  // InfiniteFuture when there is no timer.
  absl::Time NextTimer() const;

 private:
  // Any thread, at most once per sleep: makes the loop's thread take another turn.
  virtual void Wake() = 0;

  // Around work that was ready together: what it sends may be gathered.
  virtual void BeforeReady() {}
  virtual void AfterReady() {}

  bool DrainInbox() ABSL_LOCKS_EXCLUDED(inbox_mutex_);
  bool RunTimers();

  const Clock& clock_;

  // Loop thread only.
  bool in_piece_ = false;
  // Within a piece; InfinitePast = not read yet.
  mutable absl::Time now_;
  mutable absl::Time wall_now_;
  WorkList ready_;
  absl::btree_set<std::pair<absl::Time, Timer*>> timers_;
  std::vector<TurnStep*> steps_;

  std::atomic<bool> asleep_{false};
  // Lets a turn skip the lock when nothing was posted.
  std::atomic<bool> inbox_filled_{false};
  Mutex inbox_mutex_;
  WorkList inbox_ ABSL_GUARDED_BY(inbox_mutex_);
};

// Awaitable of Loop::SleepUntil.
class SleepAwaiter : public Timer, public Resumption {
 public:
  SleepAwaiter(Loop& loop, absl::Time when) : loop_(loop), when_(when) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    WaitAs(waiting);
    loop_.Start(*this, when_);
  }
  void await_resume() const {}
  void Expired() override { loop_.Ready(*this); }

 private:
  Loop& loop_;
  const absl::Time when_;
};

inline auto Loop::SleepUntil(absl::Time when) { return SleepAwaiter(*this, when); }
inline auto Loop::Sleep(absl::Duration duration) { return SleepAwaiter(*this, Now() + duration); }

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_LOOP_H_
