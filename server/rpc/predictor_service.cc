#include "server/rpc/predictor_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/conversions.h"
#include "server/rpc/repository_answer.h"
#include "server/rpc/request_record.h"
#include "server/rpc/status_mapping.h"

namespace predictd::rpc {
namespace {

// Coroutines that wait for a Predict call on each loop: at first, and as many as all calls of a
// turn can need.
constexpr int kSparePredicts = 64;
constexpr int kMostSparePredicts = 512;
constexpr int kSpare = 2;

using Async = v1::Predictor::AsyncService;

}  // namespace

PredictorService::PredictorService(PredictorParts parts)
    : parts_(parts),
      predict_(
          parts.loop, scope_, parts.service, &Async::RequestPredict, kSparePredicts,
          [this](Call& call, const v1::PredictRequest& request, v1::PredictResponse& response) {
            return Predict(Method::kPredict, call, request, response);
          },
          kMostSparePredicts),
      predict_stream_(
          parts.loop, scope_, parts.service, &Async::RequestPredictStream, parts.streams,
          parts.state,
          [this](Call& call, const v1::PredictRequest& request, v1::PredictResponse& response) {
            return PredictInBand(call, request, response);
          }),
      predict_batch_(parts.loop, scope_, parts.service, &Async::RequestPredictBatch, kSpare,
                     Handler(this, &PredictorService::PredictBatch)),
      get_prediction_(parts.loop, scope_, parts.service, &Async::RequestGetPrediction, kSpare,
                      Handler(this, &PredictorService::GetPrediction)),
      list_models_(parts.loop, scope_, parts.service, &Async::RequestListModels, kSpare,
                   Handler(this, &PredictorService::ListModels)),
      load_model_(parts.loop, scope_, parts.service, &Async::RequestLoadModel, kSpare,
                  Handler(this, &PredictorService::LoadModel)),
      unload_model_(parts.loop, scope_, parts.service, &Async::RequestUnloadModel, kSpare,
                    Handler(this, &PredictorService::UnloadModel)),
      feature_calls_({parts.loop, parts.service, parts.features, parts.metrics, parts.state,
                      parts.admin, scope_}) {}

void PredictorService::Start() {
  predict_.Start();
  predict_stream_.Start();
  predict_batch_.Start();
  get_prediction_.Start();
  list_models_.Start();
  load_model_.Start();
  unload_model_.Start();
  feature_calls_.Start();
}

Task<absl::Status> PredictorService::Predict(Method method, Call& call,
                                             const v1::PredictRequest& message,
                                             v1::PredictResponse& response) {
  RequestRecord record(method, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (!status.ok()) co_return record.Answered(std::move(status));
  const predict::Request request = ToRequest(message);
  predict::Answer answer;
  status = co_await parts_.predictor.Predict(request, call.caller(), answer);
  if (!status.ok()) co_return record.Answered(std::move(status));
  FillResponse(answer, response);
  response.set_request_id(message.request_id());
  co_return record.Answered(absl::OkStatus(), &answer.times);
}

Task<void> PredictorService::PredictInBand(Call& call, const v1::PredictRequest& message,
                                           v1::PredictResponse& response) {
  const absl::Status status = co_await Predict(Method::kPredictStream, call, message, response);
  if (status.ok()) co_return;
  response.set_request_id(message.request_id());
  *response.mutable_error() = ToMessage(status);
}

Task<absl::Status> PredictorService::PredictBatch(Call& call,
                                                  const v1::PredictBatchRequest& message,
                                                  v1::PredictBatchResponse& response) {
  RequestRecord record(Method::kPredictBatch, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (!status.ok()) co_return record.Answered(std::move(status));
  const predict::Request shared = ToRequest(message);
  const std::vector<absl::string_view> user_ids(message.user_ids().begin(),
                                                message.user_ids().end());
  absl::StatusOr<predict::BatchAnswer> answer =
      co_await parts_.predictor.PredictBatch(user_ids, shared, call.caller());
  if (!answer.ok()) co_return record.Answered(answer.status());
  FillResponse(*std::move(answer), response);
  co_return record.Answered(absl::OkStatus());
}

Task<absl::Status> PredictorService::GetPrediction(Call& call,
                                                   const v1::GetPredictionRequest& message,
                                                   v1::GetPredictionResponse& response) {
  RequestRecord record(Method::kGetPrediction, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (!status.ok()) co_return record.Answered(std::move(status));
  absl::StatusOr<Prediction> prediction =
      co_await parts_.predictor.GetPrediction(message.prediction_id(), call.caller());
  if (!prediction.ok()) co_return record.Answered(prediction.status());
  FillResponse(*prediction, response);
  co_return record.Answered(absl::OkStatus());
}

Task<absl::Status> PredictorService::ListModels(Call&, const v1::ListModelsRequest&,
                                                v1::ListModelsResponse& response) {
  RequestRecord record(Method::kListModels, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (!status.ok()) co_return record.Answered(std::move(status));
  // Held by name: a temporary in the loop's head would be gone before its first turn.
  const std::shared_ptr<const repository::Snapshot> now = parts_.catalog.snapshot();
  for (const auto& [name, model] : now->models) {
    for (const repository::VersionInfo& version : model.versions) {
      FillModelVersion(name, version, *response.add_models());
    }
  }
  for (const auto& [name, why] : now->unreadable) {
    repository::VersionInfo none;
    none.state = repository::State::kFailed;
    none.reason = why;
    FillModelVersion(name, none, *response.add_models());
  }
  co_return record.Answered(absl::OkStatus());
}

Task<absl::Status> PredictorService::LoadModel(Call& call, const v1::LoadModelRequest& message,
                                               v1::LoadModelResponse& response) {
  RequestRecord record(Method::kLoadModel, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = CheckAdmin(parts_.admin, call.context().peer());
  if (!status.ok()) co_return record.Answered(std::move(status));
  Task<RepositoryAnswer> work =
      parts_.repository.Load(parts_.loop, message.model(), message.version());
  const RepositoryAnswer result =
      co_await AwaitRepository(call, parts_.streams, scope_, std::move(work));
  if (!result.ok()) co_return record.Answered(result.status());
  for (const repository::VersionInfo& version : result->versions) {
    FillModelVersion(result->model, version, *response.add_models());
  }
  co_return record.Answered(absl::OkStatus());
}

Task<absl::Status> PredictorService::UnloadModel(Call& call, const v1::UnloadModelRequest& message,
                                                 v1::UnloadModelResponse& response) {
  RequestRecord record(Method::kUnloadModel, parts_.loop, parts_.metrics, parts_.state);
  absl::Status status = record.Admit();
  if (status.ok()) status = CheckAdmin(parts_.admin, call.context().peer());
  if (!status.ok()) co_return record.Answered(std::move(status));
  Task<RepositoryAnswer> work =
      parts_.repository.Unload(parts_.loop, message.model(), message.version());
  const RepositoryAnswer result =
      co_await AwaitRepository(call, parts_.streams, scope_, std::move(work));
  if (!result.ok()) co_return record.Answered(result.status());
  for (const repository::VersionInfo& version : result->versions) {
    FillModelVersion(result->model, version, *response.add_models());
  }
  co_return record.Answered(absl::OkStatus());
}

}  // namespace predictd::rpc
