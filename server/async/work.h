// A unit of work that a loop runs: intrusive, so that handing one over allocates nothing.
#ifndef PREDICTD_SERVER_ASYNC_WORK_H_
#define PREDICTD_SERVER_ASYNC_WORK_H_

#include <coroutine>

namespace predictd {

// Belongs to whoever hands it to a loop, and stays in place until it runs. In at most one list at a
// time.
class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  // Called on the loop's thread. May destroy the object.
  virtual void Run() = 0;

 protected:
  ~Work() = default;

 private:
  friend class WorkList;
  Work* next_ = nullptr;
};

// First in, first out. Not synchronised.
class WorkList {
 public:
  bool empty() const { return head_ == nullptr; }

  void Push(Work& work) {
    work.next_ = nullptr;
    (head_ == nullptr ? head_ : tail_->next_) = &work;
    tail_ = &work;
  }

  // Null when empty.
  Work* Pop() {
    Work* work = head_;
    if (work != nullptr) head_ = work->next_;
    return work;
  }

  // Takes all of `other`, in order.
  void Append(WorkList& other) {
    if (other.empty()) return;
    (head_ == nullptr ? head_ : tail_->next_) = other.head_;
    tail_ = other.tail_;
    other.head_ = nullptr;
  }

 private:
  Work* head_ = nullptr;
  Work* tail_ = nullptr;
};

// Resumes a coroutine: the base of awaiters that a loop resumes. Lives in the coroutine's frame.
class Resumption : public Work {
 public:
  void Run() override { waiting_.resume(); }

 protected:
  void WaitAs(std::coroutine_handle<> waiting) { waiting_ = waiting; }

 private:
  std::coroutine_handle<> waiting_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_ASYNC_WORK_H_
