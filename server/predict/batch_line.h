// Where the batches of one loop wait for their turn with a model: first come, first served.
#ifndef PREDICTD_SERVER_PREDICT_BATCH_LINE_H_
#define PREDICTD_SERVER_PREDICT_BATCH_LINE_H_

#include <coroutine>
#include <deque>

#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/work.h"
#include "server/batching/queue_limit.h"

namespace predictd::predict {

// How soon who waits for room in the queue looks again where nothing tells of it: others have it.
inline constexpr absl::Duration kNextLookForRoom = absl::Milliseconds(1);

// One per loop and model; loop's thread only. Few rows are under way at once and the other batches
// wait: what a batch is given up for, because its deadline passes, is then not half done. Only the
// first one in the line looks for room, so that thousands may wait.
class BatchLine {
 public:
  class Place;

  // `loop` outlives it.
  explicit BatchLine(Loop& loop) : loop_(loop) {}
  BatchLine(const BatchLine&) = delete;
  BatchLine& operator=(const BatchLine&) = delete;

  // Rows that wait.
  int rows() const { return rows_; }

  // About how long `rows` more take to be answered behind those that wait, at the rate of late; 0
  // where nobody waits.
  absl::Duration ExpectedTime(int rows) const;

  // How many of `rows` rows the first one may begin now; 0 where it is better to wait. Half of the
  // queue is left to other calls.
  int Room(const batching::QueueLimit& queue, int rows) const;

  // True where Answered will be called.
  bool under_way() const { return under_way_ > 0; }

  // Rows that a place was left for are answered.
  void Answered(int rows);

  // Awaitable, by the first one: resumes with the next Answered.
  auto NextAnswered() {
    struct Awaiter : Resumption {
      explicit Awaiter(BatchLine& line) : line(line) {}
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> waiting) {
        WaitAs(waiting);
        line.first_ = this;
      }
      void await_resume() const {}
      BatchLine& line;
    };
    return Awaiter(*this);
  }

 private:
  Loop& loop_;
  std::deque<Place*> places_;
  Work* first_ = nullptr;  // waits for Answered
  int rows_ = 0;
  int under_way_ = 0;
  absl::Duration per_row_;
  // The last Answered while others waited; InfinitePast where none did.
  absl::Time answered_at_ = absl::InfinitePast();
};

// A batch's place, in its coroutine's frame. Awaitable: resumes as the first one in the line.
class BatchLine::Place : private Resumption {
 public:
  Place(BatchLine& line, int rows);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  bool await_ready() const { return line_.places_.front() == this; }
  void await_suspend(std::coroutine_handle<> waiting) { WaitAs(waiting); }
  void await_resume() const {}

  // Of the first one, once: `rows` of its rows begin, and the next one comes first.
  void Leave(int rows);

 private:
  BatchLine& line_;
  const int rows_;
  bool left_ = false;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_BATCH_LINE_H_
