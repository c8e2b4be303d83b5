// predictd.v1.Predictor on one loop.
#ifndef PREDICTD_SERVER_RPC_PREDICTOR_SERVICE_H_
#define PREDICTD_SERVER_RPC_PREDICTOR_SERVICE_H_

#include "predictd/v1/predictor.grpc.pb.h"
#include "server/async/scope.h"
#include "server/base/metrics.h"
#include "server/predict/feature_store.h"
#include "server/predict/predictor.h"
#include "server/repository/repository.h"
#include "server/rpc/admin.h"
#include "server/rpc/drain_list.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/feature_calls.h"
#include "server/rpc/service_state.h"
#include "server/rpc/stream.h"
#include "server/rpc/unary.h"

namespace predictd::rpc {

// What the service of one loop works with. All outlive it.
struct PredictorParts {
  EventLoop& loop;
  v1::Predictor::AsyncService& service;
  predict::Predictor& predictor;
  predict::FeatureStore& features;
  const repository::Catalog& catalog;
  repository::Repository& repository;
  Metrics& metrics;
  ServiceState& state;
  DrainList& streams;  // and calls that wait for the repository: told when the server drains
  AdminAccess admin;
};

// Loop's thread only. Destroyed when Done.
class PredictorService {
 public:
  explicit PredictorService(PredictorParts parts);

  // Starts taking calls.
  void Start();

  // Awaitable, by one: resumes when every call has ended and none is waited for, which is so once
  // the gRPC server has been shut down.
  auto Done() { return scope_.Done(); }

 private:
  template <typename RequestMessage, typename ResponseMessage>
  using Unary = UnaryMethod<v1::Predictor::AsyncService, RequestMessage, ResponseMessage>;

  Task<absl::Status> Predict(Method method, Call& call, const v1::PredictRequest& request,
                             v1::PredictResponse& response);
  // A failure becomes the response's `error`.
  Task<void> PredictInBand(Call& call, const v1::PredictRequest& request,
                           v1::PredictResponse& response);
  Task<absl::Status> PredictBatch(Call& call, const v1::PredictBatchRequest& request,
                                  v1::PredictBatchResponse& response);
  Task<absl::Status> GetPrediction(Call& call, const v1::GetPredictionRequest& request,
                                   v1::GetPredictionResponse& response);
  Task<absl::Status> ListModels(Call& call, const v1::ListModelsRequest& request,
                                v1::ListModelsResponse& response);
  Task<absl::Status> LoadModel(Call& call, const v1::LoadModelRequest& request,
                               v1::LoadModelResponse& response);
  Task<absl::Status> UnloadModel(Call& call, const v1::UnloadModelRequest& request,
                                 v1::UnloadModelResponse& response);

  PredictorParts parts_;
  Scope scope_;
  Unary<v1::PredictRequest, v1::PredictResponse> predict_;
  StreamMethod<v1::Predictor::AsyncService, v1::PredictRequest, v1::PredictResponse>
      predict_stream_;
  Unary<v1::PredictBatchRequest, v1::PredictBatchResponse> predict_batch_;
  Unary<v1::GetPredictionRequest, v1::GetPredictionResponse> get_prediction_;
  Unary<v1::ListModelsRequest, v1::ListModelsResponse> list_models_;
  Unary<v1::LoadModelRequest, v1::LoadModelResponse> load_model_;
  Unary<v1::UnloadModelRequest, v1::UnloadModelResponse> unload_model_;
  FeatureCalls feature_calls_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_PREDICTOR_SERVICE_H_
