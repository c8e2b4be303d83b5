// What inference.GRPCInferenceService says of models: their tensors, settings, numbers and states.
#ifndef PREDICTD_SERVER_RPC_INFERENCE_METADATA_H_
#define PREDICTD_SERVER_RPC_INFERENCE_METADATA_H_

#include "inference/grpc_service.pb.h"
#include "server/batching/lane_statistics.h"
#include "server/repository/catalog.h"

namespace predictd::rpc {

// All into empty messages.

// `model`: of which `version` is one.
void FillMetadata(const repository::ModelInfo& model, const repository::Version& version,
                  inference::ModelMetadataResponse& message);

// `workers`: threads that run models.
void FillConfig(const repository::VersionPolicy& policy, const repository::Version& version,
                int workers, inference::ModelConfig& message);

// `version`: READY.
void FillStatistics(const repository::Version& version, inference::ModelStatistics& message);
// All but name and version.
void FillStatistics(const batching::LaneStatistics::Numbers& numbers,
                    inference::ModelStatistics& message);

void FillIndex(const repository::Snapshot& snapshot, bool only_ready,
               inference::RepositoryIndexResponse& message);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_INFERENCE_METADATA_H_
