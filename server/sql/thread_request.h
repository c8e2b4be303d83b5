// How a coroutine on a loop asks something of a thread that blocks, and stops waiting at a
// deadline.
//
//   auto* request = new ReadRequest(loop, ...);    // derives from ThreadRequest<Row>
//   if (!mailbox.Push(request)) ...                // the thread calls request->Finish(row)
//   ThreadAnswer<Row> answer(*request, loop, deadline);
//   std::optional<Row> row = co_await answer;      // nothing: the deadline came first
#ifndef PREDICTD_SERVER_SQL_THREAD_REQUEST_H_
#define PREDICTD_SERVER_SQL_THREAD_REQUEST_H_

#include <atomic>
#include <coroutine>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/work.h"

namespace predictd {

template <typename Answer>
class ThreadAnswer;

// On the heap. Belongs to the thread until Finish, then to the waiter; where the waiter has gone at
// its deadline, Finish destroys it and touches no loop, which may be gone as well.
template <typename Answer>
class ThreadRequest : public Work {
 public:
  explicit ThreadRequest(Loop& loop) : loop_(loop) {}
  virtual ~ThreadRequest() = default;

  // The thread, once: the request is not touched afterwards.
  void Finish(Answer answer) {
    answer_.emplace(std::move(answer));
    if (state_.exchange(State::kAnswered, std::memory_order_acq_rel) == State::kAbandoned) {
      delete this;
    } else {
      loop_.Post(*this);
    }
  }

  // The waiter has gone: nobody will see the answer.
  bool abandoned() const { return state_.load(std::memory_order_relaxed) == State::kAbandoned; }

 private:
  friend class ThreadAnswer<Answer>;
  enum class State { kWaiting, kAnswered, kAbandoned };

  // On the loop.
  void Run() override {
    if (waiter_ == nullptr) {
      delete this;
    } else {
      waiter_->Answered();
    }
  }
  // True: the thread will destroy the request. False: it is on its way to Run.
  bool Abandon() {
    waiter_ = nullptr;
    State waiting = State::kWaiting;
    return state_.compare_exchange_strong(waiting, State::kAbandoned, std::memory_order_acq_rel);
  }

  Loop& loop_;
  ThreadAnswer<Answer>* waiter_ = nullptr;  // loop thread only
  std::atomic<State> state_{State::kWaiting};
  std::optional<Answer> answer_;
};

// Awaited once, on the request's loop, in the same turn in which the request was handed over.
// Resumes there: with the answer, or with nothing at `deadline`.
template <typename Answer>
class ThreadAnswer final : public Timer, public Resumption {
 public:
  ThreadAnswer(ThreadRequest<Answer>& request, Loop& loop, absl::Time deadline)
      : request_(&request), loop_(loop), deadline_(deadline) {
    request_->waiter_ = this;
  }
  ThreadAnswer(const ThreadAnswer&) = delete;
  ~ThreadAnswer() {
    loop_.Stop(*this);
    if (request_ != nullptr) request_->Abandon();
  }

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    WaitAs(waiting);
    loop_.Start(*this, deadline_);
  }
  std::optional<Answer> await_resume() {
    if (request_ == nullptr) return std::nullopt;
    std::optional<Answer> answer = std::move(request_->answer_);
    delete std::exchange(request_, nullptr);
    return answer;
  }

  void Expired() override {
    // An answer that comes at the same moment is as good: it resumes the waiter within this turn or
    // the next.
    ThreadRequest<Answer>* const request = request_;
    if (request->Abandon()) {
      request_ = nullptr;
      loop_.Ready(*this);
    } else {
      request->waiter_ = this;
    }
  }

 private:
  friend class ThreadRequest<Answer>;
  void Answered() {
    loop_.Stop(*this);
    Resumption::Run();
  }

  ThreadRequest<Answer>* request_;
  Loop& loop_;
  const absl::Time deadline_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_THREAD_REQUEST_H_
