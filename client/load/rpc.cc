#include "client/load/rpc.h"

#include "client/load/stream_rpc.h"
#include "client/load/unary_rpc.h"

namespace predictd::client {

std::unique_ptr<Rpc> MakeRpc(const RpcOptions& options, grpc::CompletionQueue& queue,
                             AnswerHandler& handler) {
  if (options.kind == RpcKind::kStream) {
    return std::make_unique<StreamRpc>(options, queue, handler);
  }
  return std::make_unique<UnaryRpc>(options, queue, handler);
}

}  // namespace predictd::client
