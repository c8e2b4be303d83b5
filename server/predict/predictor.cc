#include "server/predict/predictor.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/predict/row_tensors.h"

namespace predictd::predict {
namespace {

Task<absl::Status> Refused(absl::Status status) { co_return status; }

}  // namespace

Task<absl::Status> Predictor::Predict(const Request& request, const CallContext& call,
                                      Answer& answer) {
  auto version = line_.catalog.Find(request.model, request.version, request.user_id);
  if (!version.ok()) return Refused(version.status());
  answer.version = *std::move(version);
  return Run(request, call, answer, Row::kSingle);
}

Task<absl::Status> Predictor::Run(const Request& request, const CallContext& call, Answer& answer,
                                  Row row_of) {
  const absl::Time start = line_.loop.Now();
  absl::Status status;
  if (row_of != Row::kOfBatchAgain) {
    bool at_hand = false;
    status = call.Check(start, "its features were read");
    if (status.ok()) status = FeaturesAtHand(request, answer, &at_hand);
    if (status.ok() && !at_hand) {
      Task<absl::StatusOr<FeatureRow>> reading =
          line_.reader->ReadStores(request.user_id, request.max_feature_age, call.deadline);
      status = UseRead(co_await std::move(reading), request, answer);
    }
    status = FeaturesDone(std::move(status), call, start, answer);
    if (!status.ok()) co_return status;
  }

  batching::RunRow row(line_.batches, *answer.version->lane);
  const batching::LaneOptions& options = answer.version->lane->options();
  answer.outputs.resize(OutputsPerRow(options));
  RowTensors tensors(options, 1, answer.features, absl::MakeSpan(answer.outputs));
  tensors.Point(row);
  row.deadline = call.deadline;
  row.cancelled = &call.cancelled;
  row.waits_for_room = row_of != Row::kSingle;
  status = co_await row;
  if (row.waits_for_room && absl::IsResourceExhausted(status)) co_return status;
  answer.times.queue = row.queue_time;
  answer.times.model = row.model_time;
  if (status.ok()) status = tensors.TakeOutputs(0, absl::MakeSpan(answer.outputs));
  answer.version->outcomes.Count(status);
  answer.version->lane->statistics().RecordRequests(status.ok(), 1, line_.loop.Now() - start);
  if (!status.ok()) co_return status;
  if (!answer.outputs.empty()) {
    answer.version->lane->metrics().output.Observe(answer.outputs[0]);
  }

  if (line_.save_mode == SaveMode::kAfterReply) {
    SaveLater(request, answer);
  } else if (line_.save_mode == SaveMode::kBeforeReply) {
    status = co_await Save(request, call, answer);
    if (!status.ok()) co_return status;
  }
  if (row_of == Row::kSingle && line_.shadow != nullptr) {
    line_.shadow->Offer(answer, answer.version);
  }
  co_return status;
}

absl::Status Predictor::FeaturesDone(absl::Status status, const CallContext& call, absl::Time start,
                                     Answer& answer) {
  const absl::Time now = line_.loop.Now();
  answer.times.features = now - start;
  row_metrics_.ObserveStage(answer.times.features);
  row_metrics_.Flush();
  if (status.ok()) status = call.Check(now, "the model ran");
  if (!status.ok()) NoteGivenUp(line_.metrics, status, Stage::kFeatures);
  return status;
}

absl::Status Predictor::FeaturesAtHand(const Request& request, Answer& answer, bool* done) {
  PREDICTD_RETURN_IF_ERROR(CheckRequest(request));
  PREDICTD_RETURN_IF_ERROR(StartFromRequest(request, answer));
  *done = true;
  if (!request.features.empty() && Complete(answer.features)) {
    answer.origin = FeatureOrigin::kRequest;
    row_metrics_.CountOrigin(answer.origin);
    return absl::OkStatus();
  }
  if (line_.reader == nullptr) {
    return MissingWithoutStore(answer);
  }
  FeatureRow row;
  switch (line_.reader->ReadLocal(request.user_id, request.max_feature_age, &row)) {
    case features::Found::kRow:
      return UseRow(row, answer);
    case features::Found::kUnknown:
      return UseNoRow(request, answer);
    case features::Found::kMiss:
      *done = false;
  }
  return absl::OkStatus();
}

absl::Status Predictor::UseRead(const absl::StatusOr<FeatureRow>& row, const Request& request,
                                Answer& answer) {
  if (row.ok()) return UseRow(*row, answer);
  if (absl::IsNotFound(row.status())) return UseNoRow(request, answer);
  if (absl::IsUnavailable(row.status()) && answer.version->defaults_when_unreachable) {
    line_.metrics.CountDegraded(Degraded::kDefaultsWhenUnreachable);
    return UseDefaults(answer, "no store can be reached: send these with the request");
  }
  return row.status();
}

absl::Status Predictor::UseRow(const FeatureRow& row, Answer& answer) {
  FillFromRow(row, columns_.Columns(*answer.version, *row.schema), answer.features);
  answer.origin = row.origin;
  row_metrics_.CountOrigin(row.origin);
  if (row.read_at != absl::InfinitePast()) {
    answer.feature_age = std::max(line_.loop.WallNow() - row.read_at, absl::ZeroDuration());
    row_metrics_.ObserveAge(absl::ToDoubleSeconds(answer.feature_age));
  }
  return FillDefaults(answer, kMissingInRow);
}

absl::Status Predictor::UseNoRow(const Request& request, Answer& answer) {
  if (request.features.empty()) {
    row_metrics_.CountOrigin(FeatureOrigin::kUnspecified);
    return absl::NotFoundError(absl::StrCat("user '", request.user_id, "' is unknown"));
  }
  return UseDefaults(answer, "the user is unknown: send these with the request");
}

absl::Status Predictor::UseDefaults(Answer& answer, absl::string_view hint) {
  answer.origin = FeatureOrigin::kDefaults;
  row_metrics_.CountOrigin(answer.origin);
  return FillDefaults(answer, hint);
}

Task<absl::Status> Predictor::Save(const Request& request, const CallContext& call,
                                   Answer& answer) {
  Prediction prediction = MakePrediction(request, answer);
  answer.prediction_id = prediction.prediction_id;
  const absl::Time start = line_.loop.Now();
  absl::Status status = call.Check(start, "the prediction was saved");
  if (!status.ok()) {
    NoteGivenUp(line_.metrics, status, Stage::kSave);
    co_return status;
  }
  absl::StatusOr<std::string> saved_as =
      co_await line_.writer->Save(line_.loop, std::move(prediction), call.deadline);
  answer.times.save = line_.loop.Now() - start;
  line_.metrics.ObserveStage(Stage::kSave, answer.times.save);
  if (!saved_as.ok()) {
    NoteGivenUp(line_.metrics, saved_as.status(), Stage::kSave);
    co_return saved_as.status();
  }
  answer.prediction_id = *std::move(saved_as);
  co_return absl::OkStatus();
}

void Predictor::SaveLater(const Request& request, Answer& answer) {
  Prediction prediction = MakePrediction(request, answer);
  answer.prediction_id = prediction.prediction_id;
  line_.writer->SaveLater(std::move(prediction));
}

Prediction Predictor::MakePrediction(const Request& request, const Answer& answer) {
  const absl::Time now = line_.loop.WallNow();
  Prediction prediction;
  prediction.prediction_id = ids_.Next(now);
  prediction.idempotency_key = std::string(request.idempotency_key);
  prediction.user_id = std::string(request.user_id);
  prediction.model = answer.version->model;
  prediction.version = answer.version->version;
  prediction.schema = answer.version->features;
  prediction.features = answer.features;
  prediction.outputs = answer.outputs;
  prediction.feature_origin = answer.origin;
  prediction.created_at = absl::FromUnixMillis(absl::ToUnixMillis(now));
  return prediction;
}

Task<absl::StatusOr<Prediction>> Predictor::GetPrediction(std::string prediction_id,
                                                          const CallContext& call) {
  if (line_.writer == nullptr) {
    co_return absl::FailedPreconditionError(
        "nothing is saved: start predictd with --save_to=sqlite:PATH");
  }
  if (prediction_id.empty()) {
    co_return absl::InvalidArgumentError("prediction_id: is empty; name the prediction");
  }
  auto found = co_await line_.writer->Find(line_.loop, prediction_id, call.deadline);
  if (!found.ok()) co_return found.status();
  if (!found->has_value()) {
    co_return absl::NotFoundError(absl::StrCat("prediction '", prediction_id, "' is unknown"));
  }
  co_return **std::move(found);
}

}  // namespace predictd::predict
