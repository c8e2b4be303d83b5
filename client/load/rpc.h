// What a load loop needs of the RPC that it sends: the same for Predict, PredictBatch,
// PredictStream and ModelInfer.
#ifndef PREDICTD_CLIENT_LOAD_RPC_H_
#define PREDICTD_CLIENT_LOAD_RPC_H_

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "client/load/request_source.h"

namespace predictd::client {

// Nanoseconds of the monotonic clock: the load generator's one notion of time.
inline int64_t NowNanos() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

// Behind every completion-queue tag.
class Event {
 public:
  virtual void Happened(bool ok) = 0;

 protected:
  ~Event() = default;
};

struct Answer {
  int code = grpc::StatusCode::OK;  // as it came over the wire: any number
  int rows = 0;                     // predicted
  int failed_rows = 0;
};

class AnswerHandler {
 public:
  // On the thread that takes events off the queue; may send the slot's next request.
  virtual void OnAnswer(size_t slot, const Answer& answer) = 0;

 protected:
  ~AnswerHandler() = default;
};

// A number of slots, each with at most one request on its way.
class Rpc {
 public:
  virtual ~Rpc() = default;

  // Sends a request that fails with DEADLINE_EXCEEDED at `deadline` (NowNanos) and is answered
  // through the handler. Any thread, one at a time.
  virtual void Send(size_t slot, int64_t deadline) = 0;

  // Where no request is on its way: ends what stays open between requests. True once nothing of it
  // is left on the queue; else call again after the next event.
  virtual bool Closed() = 0;

  // Requests on their way fail soon.
  virtual void Cancel() = 0;
};

enum class RpcKind { kPredict, kBatch, kStream, kInfer };

struct RpcOptions {
  RpcKind kind = RpcKind::kPredict;
  const RequestSource* requests = nullptr;
  int batch_rows = 0;                                    // of kBatch and kInfer
  std::vector<std::shared_ptr<grpc::Channel>> channels;  // slots take turns
  size_t slots = 0;
  uint64_t seed = 0;
};

// `queue` and `handler` must outlive the Rpc.
std::unique_ptr<Rpc> MakeRpc(const RpcOptions& options, grpc::CompletionQueue& queue,
                             AnswerHandler& handler);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_RPC_H_
