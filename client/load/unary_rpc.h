// Predict, PredictBatch and ModelInfer calls.
#ifndef PREDICTD_CLIENT_LOAD_UNARY_RPC_H_
#define PREDICTD_CLIENT_LOAD_UNARY_RPC_H_

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/load/rpc.h"

namespace predictd::client {

class UnaryRpc : public Rpc {
 public:
  UnaryRpc(const RpcOptions& options, grpc::CompletionQueue& queue, AnswerHandler& handler);

  void Send(size_t slot, int64_t deadline) override;
  bool Closed() override { return true; }
  void Cancel() override;

 private:
  // One slot's call, reused for all its requests.
  struct Call final : Event {
    void Happened(bool ok) override;

    UnaryRpc* rpc = nullptr;
    size_t slot = 0;
    std::optional<grpc::ClientContext> context;
    grpc::ByteBuffer reply;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  };

  grpc::ByteBuffer NextRequest();
  Answer Judge(Call& call) const;

  const RpcOptions options_;
  const std::string method_;
  grpc::CompletionQueue& queue_;
  AnswerHandler& handler_;
  RandomNumbers random_;
  std::vector<grpc::GenericStub> stubs_;
  std::vector<Call> calls_;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_UNARY_RPC_H_
