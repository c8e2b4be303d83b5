// One thread's share of a load run.
#ifndef PREDICTD_CLIENT_LOAD_LOAD_LOOP_H_
#define PREDICTD_CLIENT_LOAD_LOAD_LOOP_H_

#include <grpcpp/completion_queue.h>

#include "client/load/rpc.h"
#include "client/load/tally.h"

namespace predictd::client {

struct LoopOptions {
  RpcOptions rpc;
  Schedule schedule;
  int64_t timeout = 0;  // of one request, ns
};

class LoadLoop {
 public:
  virtual ~LoadLoop() = default;

  // Sends until the schedule's end and returns after the last answer. Once.
  virtual void Run() = 0;

  // After Run.
  virtual const Tally& tally() const = 0;
};

// Waits for one event and lets it happen; false where none came within `timeout` ns.
bool TakeEvent(grpc::CompletionQueue& queue, int64_t timeout);

// Takes what is left on a queue that nothing is started on any more.
void ShutDown(grpc::CompletionQueue& queue);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_LOAD_LOOP_H_
