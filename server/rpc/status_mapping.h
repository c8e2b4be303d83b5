// absl::Status to what travels: converted once, at the edge.
#ifndef PREDICTD_SERVER_RPC_STATUS_MAPPING_H_
#define PREDICTD_SERVER_RPC_STATUS_MAPPING_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace predictd::rpc {

// The message form, for answers inside batches and streams. A retry delay becomes a
// google.rpc.RetryInfo detail.
google::rpc::Status ToMessage(const absl::Status& status);

// The call's status; details go into the trailer grpc-status-details-bin.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_STATUS_MAPPING_H_
