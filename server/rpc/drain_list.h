// Long calls of one loop (streams, health watches, loads of models) that must be told when the
// server drains.
#ifndef PREDICTD_SERVER_RPC_DRAIN_LIST_H_
#define PREDICTD_SERVER_RPC_DRAIN_LIST_H_

#include "absl/container/flat_hash_set.h"
#include "server/async/signal.h"

namespace predictd::rpc {

// Loop's thread only.
class DrainList {
 public:
  // A signal on the list for as long as this object lives.
  class Entry {
   public:
    Entry(DrainList& list, Signal& signal) : list_(list), signal_(signal) {
      list_.signals_.insert(&signal_);
    }
    ~Entry() { list_.signals_.erase(&signal_); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    DrainList& list_;
    Signal& signal_;
  };

  void SetAll() {
    for (Signal* signal : signals_) signal->Set();
  }

 private:
  absl::flat_hash_set<Signal*> signals_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_DRAIN_LIST_H_
