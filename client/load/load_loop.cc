#include "client/load/load_loop.h"

namespace predictd::client {

bool TakeEvent(grpc::CompletionQueue& queue, int64_t timeout) {
  void* tag = nullptr;
  bool ok = false;
  const gpr_timespec deadline =
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(timeout, GPR_TIMESPAN));
  if (queue.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return false;
  static_cast<Event*>(tag)->Happened(ok);
  return true;
}

void ShutDown(grpc::CompletionQueue& queue) {
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace predictd::client
