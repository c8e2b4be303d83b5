// Commands whose answers are awaited, in the order in which Redis answers them.
#ifndef PREDICTD_SERVER_REDIS_COMMAND_H_
#define PREDICTD_SERVER_REDIS_COMMAND_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/loop.h"
#include "server/redis/reply.h"

namespace predictd::redis {

class CommandAwaiter;

// The commands that were issued and are not answered yet, oldest first: who waits for each, and
// since when. A ring that grows to the most that were ever under way and then allocates no more.
class AnswerQueue {
 public:
  struct Entry {
    CommandAwaiter* awaiter = nullptr;  // null: nobody waits
    bool write = false;                 // issued by Client::Send
    absl::Time written = absl::InfiniteFuture();
  };

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Awaited by somebody.
  size_t awaited() const { return awaited_; }
  // Handed to the connection: what can have an answer.
  size_t written() const { return written_; }

  void PushWrite() { Push({.write = true}); }
  // Returns the entry's number, for Abandon.
  uint64_t PushAwaited(CommandAwaiter& awaiter) { return Push({.awaiter = &awaiter}); }

  // Nobody waits any more for an entry that has not been popped; its answer is still to come.
  void Abandon(uint64_t number);

  // All that were pushed have now been handed to the connection.
  void MarkWritten(absl::Time now);

  // Not empty.
  const Entry& oldest() const { return ring_[first_ & (ring_.size() - 1)]; }
  Entry Pop();

 private:
  uint64_t Push(Entry entry);
  Entry& at(uint64_t number) { return ring_[number & (ring_.size() - 1)]; }

  std::vector<Entry> ring_{64};  // size: a power of two; an entry stands at its number modulo that
  uint64_t first_ = 0;           // number of the oldest
  size_t size_ = 0;
  size_t written_ = 0;
  size_t awaited_ = 0;
};

// Awaitable<absl::StatusOr<Reply>> of Client::Command. The command is under way from the start,
// awaited or not; one that is destroyed before its answer came is answered into the void. Awaited
// at most once; resumed by the loop, on its thread.
class [[nodiscard]] CommandAwaiter final : public Resumption {
 public:
  // A command that was not issued.
  CommandAwaiter(Loop& loop, absl::Status error)
      : loop_(loop), queue_(nullptr), result_(std::move(error)), answered_(true) {}
  // A command that was just issued.
  CommandAwaiter(Loop& loop, AnswerQueue& queue)
      : loop_(loop), queue_(&queue), number_(queue.PushAwaited(*this)) {}
  ~CommandAwaiter() {
    if (!answered_) queue_->Abandon(number_);
  }

  bool await_ready() const { return answered_; }
  void await_suspend(std::coroutine_handle<> waiting) {
    WaitAs(waiting);
    suspended_ = true;
  }
  absl::StatusOr<Reply> await_resume() { return std::move(result_); }

  // Once, by the client.
  void Deliver(absl::StatusOr<Reply> result) {
    result_ = std::move(result);
    answered_ = true;
    if (suspended_) loop_.Ready(*this);
  }

 private:
  Loop& loop_;
  AnswerQueue* const queue_;
  uint64_t number_ = 0;
  absl::StatusOr<Reply> result_;
  bool answered_ = false;
  bool suspended_ = false;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_COMMAND_H_
