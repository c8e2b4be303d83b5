// What the calls of inference.GRPCInferenceService work with.
#ifndef PREDICTD_SERVER_RPC_INFERENCE_PARTS_H_
#define PREDICTD_SERVER_RPC_INFERENCE_PARTS_H_

#include <string>

#include "inference/grpc_service.grpc.pb.h"
#include "server/base/metrics.h"
#include "server/predict/inference.h"
#include "server/repository/repository.h"
#include "server/rpc/admin.h"
#include "server/rpc/drain_list.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/service_state.h"

namespace predictd::rpc {

// What the server says of itself.
struct ServerFacts {
  std::string version;
  int workers = 0;  // threads that run models
};

// Of one loop. All outlive its services.
struct InferenceParts {
  EventLoop& loop;
  inference::GRPCInferenceService::AsyncService& service;
  predict::Inference& inference;
  const repository::Catalog& catalog;
  repository::Repository& repository;
  Metrics& metrics;
  ServiceState& state;
  DrainList& streams;  // and calls that wait for the repository: told when the server drains
  AdminAccess admin;
  const ServerFacts& facts;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_INFERENCE_PARTS_H_
