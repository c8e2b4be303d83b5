// PredictStream: many requests on one call, answered as they are done.
#ifndef PREDICTD_SERVER_RPC_PREDICT_STREAM_H_
#define PREDICTD_SERVER_RPC_PREDICT_STREAM_H_

#include "predictd/v1/predictor.grpc.pb.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/base/metrics.h"
#include "server/predict/predictor.h"
#include "server/rpc/drain_list.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/service_state.h"

namespace predictd::rpc {

// All outlive the scope's tasks.
struct StreamParts {
  EventLoop& loop;
  v1::Predictor::AsyncService& service;
  predict::Predictor& predictor;
  Metrics& metrics;
  ServiceState& state;
  DrainList& streams;
  Scope& scope;  // of the service: where the next stream's task goes
};

// Waits for one stream, then spawns itself for the next and serves it to its end.
Task<void> ServePredictStreams(StreamParts parts);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_PREDICT_STREAM_H_
