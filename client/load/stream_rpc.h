// Requests on PredictStream calls.
#ifndef PREDICTD_CLIENT_LOAD_STREAM_RPC_H_
#define PREDICTD_CLIENT_LOAD_STREAM_RPC_H_

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/async_stream.h>

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "client/load/rpc.h"
#include "predictd/v1/predictor.pb.h"
#include "server/base/mutex.h"

namespace predictd::client {

// One call whose requests are matched by request_id, the slot's number. It starts with its first
// request; where it breaks, its requests fail with its status and the next one starts it anew.
class PredictCall {
 public:
  // `slots` are the numbers of the requests that this call will carry.
  PredictCall(const RpcOptions& options, std::shared_ptr<grpc::Channel> channel, uint64_t seed,
              grpc::CompletionQueue& queue, AnswerHandler& handler);

  void Send(size_t slot) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Closed() ABSL_LOCKS_EXCLUDED(mutex_);
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class State { kIdle, kStarting, kOpen, kEnding };

  // A tag that calls a member function.
  struct Step final : Event {
    Step(PredictCall* c, void (PredictCall::*m)(bool)) : call(c), member(m) {}
    void Happened(bool ok) override { (call->*member)(ok); }
    PredictCall* call;
    void (PredictCall::*member)(bool);
  };

  void Started(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void Read(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void Wrote(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void Finished(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);

  void Start() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Once the last event of an ending call has come: its requests fail.
  void FailAllIfOver() ABSL_LOCKS_EXCLUDED(mutex_);

  const RequestSource& requests_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue& queue_;
  AnswerHandler& handler_;
  Step started_{this, &PredictCall::Started};
  Step read_{this, &PredictCall::Read};
  Step wrote_{this, &PredictCall::Wrote};
  Step finished_{this, &PredictCall::Finished};

  // Touched by the queue's thread alone.
  grpc::ByteBuffer reply_bytes_;
  v1::PredictResponse reply_;
  grpc::Status status_;

  Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool finish_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  RandomNumbers random_ ABSL_GUARDED_BY(mutex_);
  std::deque<size_t> to_write_ ABSL_GUARDED_BY(mutex_);
  std::vector<char> waiting_ ABSL_GUARDED_BY(mutex_);  // by slot: sent, not answered
  std::vector<grpc::Slice> request_ids_;               // by slot
  std::optional<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_ ABSL_GUARDED_BY(mutex_);
};

// One such call per channel. A request has no deadline of its own: streams have none.
class StreamRpc : public Rpc {
 public:
  StreamRpc(const RpcOptions& options, grpc::CompletionQueue& queue, AnswerHandler& handler);

  void Send(size_t slot, int64_t deadline) override;
  bool Closed() override;
  void Cancel() override;

 private:
  std::vector<std::unique_ptr<PredictCall>> calls_;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_STREAM_RPC_H_
