// The calls of one loop whose answer has not been written yet: what a drain waits for, and cuts off
// where it waited in vain.
#ifndef PREDICTD_SERVER_RPC_OPEN_CALLS_H_
#define PREDICTD_SERVER_RPC_OPEN_CALLS_H_

#include <atomic>

#include "absl/status/status.h"

namespace predictd::rpc {

// Loop's thread only, but for count().
class OpenCalls {
 public:
  // One call, open for as long as this object lives.
  class Entry {
   public:
    explicit Entry(OpenCalls& calls);
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    // Answers with `status` unless an answer is on its way. Whatever works for the call goes on,
    // and is not destroyed within this.
    virtual void CutOff(const absl::Status& status) = 0;

   protected:
    ~Entry();

   private:
    friend class OpenCalls;
    OpenCalls& calls_;
    Entry* before_ = nullptr;
    Entry* after_;
  };

  OpenCalls() = default;
  OpenCalls(const OpenCalls&) = delete;
  OpenCalls& operator=(const OpenCalls&) = delete;

  // Answers every one UNAVAILABLE.
  void CutOffAll();

  // Any thread.
  int count() const { return count_.load(std::memory_order_relaxed); }

 private:
  Entry* first_ = nullptr;
  std::atomic<int> count_{0};  // written by the loop alone
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_OPEN_CALLS_H_
