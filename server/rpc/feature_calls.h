// PutFeatures and GetFeatures of predictd.v1.Predictor on one loop.
#ifndef PREDICTD_SERVER_RPC_FEATURE_CALLS_H_
#define PREDICTD_SERVER_RPC_FEATURE_CALLS_H_

#include "predictd/v1/predictor.grpc.pb.h"
#include "server/async/scope.h"
#include "server/base/metrics.h"
#include "server/predict/feature_store.h"
#include "server/rpc/admin.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/service_state.h"
#include "server/rpc/unary.h"

namespace predictd::rpc {

// What the calls of one loop work with. All outlive them.
struct FeatureCallParts {
  EventLoop& loop;
  v1::Predictor::AsyncService& service;
  predict::FeatureStore& store;
  Metrics& metrics;
  ServiceState& state;
  AdminAccess admin;
  Scope& scope;  // waits for the calls
};

// Loop's thread only; outlives the scope's tasks.
class FeatureCalls {
 public:
  explicit FeatureCalls(FeatureCallParts parts);

  // Starts taking calls.
  void Start();

 private:
  Task<absl::Status> PutFeatures(Call& call, const v1::PutFeaturesRequest& request,
                                 v1::PutFeaturesResponse& response);
  Task<absl::Status> GetFeatures(Call& call, const v1::GetFeaturesRequest& request,
                                 v1::GetFeaturesResponse& response);

  FeatureCallParts parts_;
  UnaryMethod<v1::Predictor::AsyncService, v1::PutFeaturesRequest, v1::PutFeaturesResponse>
      put_features_;
  UnaryMethod<v1::Predictor::AsyncService, v1::GetFeaturesRequest, v1::GetFeaturesResponse>
      get_features_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_FEATURE_CALLS_H_
