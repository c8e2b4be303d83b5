// What many threads ask of one: a bounded queue that its reader takes whole.
#ifndef PREDICTD_SERVER_SQL_MAILBOX_H_
#define PREDICTD_SERVER_SQL_MAILBOX_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "server/base/mutex.h"

namespace predictd {

template <typename T>
class Mailbox {
 public:
  explicit Mailbox(size_t capacity) : capacity_(capacity) {}

  // Any thread, never waits. False where it is full or closed: the item was not taken.
  bool Push(T item) ABSL_LOCKS_EXCLUDED(mutex_) {
    bool wake = false;
    {
      MutexLock lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
      wake = std::exchange(asleep_, false);
    }
    if (wake) filled_.NotifyOne();
    return true;
  }

  // The reader: swaps what is there into the empty `items`, sleeping while there is nothing. False
  // once it is closed and everything was taken.
  bool TakeAll(std::vector<T>& items) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    while (items_.empty()) {
      if (closed_) return false;
      asleep_ = true;
      filled_.Wait(mutex_);
    }
    asleep_ = false;
    items_.swap(items);
    return true;
  }

  void Close() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    filled_.NotifyOne();
  }

 private:
  const size_t capacity_;

  Mutex mutex_;
  CondVar filled_;
  std::vector<T> items_ ABSL_GUARDED_BY(mutex_);
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;  // a Push has to wake the reader
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_MAILBOX_H_
