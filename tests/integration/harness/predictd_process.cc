#include "tests/integration/harness/predictd_process.h"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/catch.h"

namespace predictd::integration {
namespace {

// Longer than its own --drain_timeout of 30 s.
constexpr absl::Duration kLongestExit = absl::Seconds(60);

bool Given(const std::vector<std::string>& flags, absl::string_view name) {
  return std::any_of(flags.begin(), flags.end(),
                     [name](const std::string& flag) { return absl::StartsWith(flag, name); });
}

std::vector<std::string> CommandLine(const std::vector<std::string>& flags) {
  std::vector<std::string> command_line = {PREDICTD_BINARY};
  command_line.insert(command_line.end(), flags.begin(), flags.end());
  for (const char* name : {"--listen=", "--http_listen="}) {
    if (!Given(flags, name)) command_line.push_back(absl::StrCat(name, "127.0.0.1:0"));
  }
  // By default a second, which a machine with other things to do may take.
  if (Given(flags, "--feature_source=") && !Given(flags, "--feature_source_timeout=")) {
    command_line.push_back("--feature_source_timeout=60s");
  }
  return command_line;
}

bool HasHttp(const std::vector<std::string>& flags) {
  return std::find(flags.begin(), flags.end(), "--http_listen=") == flags.end();
}

}  // namespace

void SetDeadline(grpc::ClientContext& context, absl::Duration limit) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
}

std::unique_ptr<ChildProcess> StartPredictd(const std::vector<std::string>& flags) {
  std::vector<std::string> command_line = {PREDICTD_BINARY};
  command_line.insert(command_line.end(), flags.begin(), flags.end());
  return std::make_unique<ChildProcess>(std::move(command_line));
}

std::string PredictProgram() { return PREDICT_BINARY; }

Exited RunPredictd(const std::vector<std::string>& flags, absl::Duration limit) {
  const std::unique_ptr<ChildProcess> process = StartPredictd(flags);
  const std::optional<int> status = process->WaitForExit(limit);
  return {status, process->Stdout(), process->Stderr()};
}

PredictdProcess::PredictdProcess(std::vector<std::string> flags, ChildProcess::Options options)
    : process_(CommandLine(flags), std::move(options)) {
  const bool has_http = HasHttp(flags);
  const bool listens = WaitUntil([&] {
    return (ReadAddresses() && http_address_.empty() != has_http) || process_.ExitStatus();
  });
  if (!listens || process_.ExitStatus()) {
    throw std::runtime_error("predictd does not listen:\n" + Log());
  }
  const std::shared_ptr<grpc::Channel> channel = NewChannel();
  stub_ = v1::Predictor::NewStub(channel);
  health_stub_ = grpc::health::v1::Health::NewStub(channel);
}

PredictdProcess::~PredictdProcess() {
  // Closes the connection: a client that makes no call does not notice that it should, and the
  // server waits for that.
  stub_.reset();
  health_stub_.reset();
  process_.Kill(SIGTERM);
  // A stopped process would not see it.
  process_.Kill(SIGCONT);
  const std::optional<int> status = process_.WaitForExit(kLongestExit);
  if (status == expected_status_) return;
  const std::string how = status ? absl::StrCat("exited with ", *status)
                                 : std::string("did not end after SIGTERM and is killed");
  FAIL_CHECK("predictd " << how << "; its log:\n" << Log());
}

bool PredictdProcess::ReadAddresses() {
  grpc_addresses_.clear();
  const std::string out = process_.Stdout();
  // The last line may be half-written.
  const size_t complete = out.rfind('\n');
  if (complete == std::string::npos) return false;
  for (absl::string_view line : absl::StrSplit(absl::string_view(out).substr(0, complete), '\n')) {
    if (absl::ConsumePrefix(&line, "listening grpc ")) grpc_addresses_.emplace_back(line);
    if (absl::ConsumePrefix(&line, "listening http ")) http_address_ = std::string(line);
  }
  return !grpc_addresses_.empty();
}

std::shared_ptr<grpc::Channel> PredictdProcess::NewChannel() const {
  grpc::ChannelArguments arguments;
  // Else channels with equal arguments share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(grpc_address(), grpc::InsecureChannelCredentials(), arguments);
}

Answer<v1::PredictResponse> PredictdProcess::Predict(const std::string& user_id,
                                                     const std::map<std::string, float>& features,
                                                     const std::string& model) {
  v1::PredictRequest request;
  request.set_user_id(user_id);
  request.set_model(model);
  request.mutable_features()->insert(features.begin(), features.end());
  return Predict(request);
}

Answer<v1::PredictResponse> PredictdProcess::Predict(const v1::PredictRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::PredictResponse> answer;
  answer.status = stub_->Predict(&context, request, &answer.response);
  return answer;
}

Answer<v1::GetPredictionResponse> PredictdProcess::GetPrediction(const std::string& prediction_id) {
  v1::GetPredictionRequest request;
  request.set_prediction_id(prediction_id);
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::GetPredictionResponse> answer;
  answer.status = stub_->GetPrediction(&context, request, &answer.response);
  return answer;
}

Answer<v1::ListModelsResponse> PredictdProcess::ListModels() {
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::ListModelsResponse> answer;
  answer.status = stub_->ListModels(&context, v1::ListModelsRequest(), &answer.response);
  return answer;
}

Answer<v1::LoadModelResponse> PredictdProcess::LoadModel(const std::string& model,
                                                         const std::string& version) {
  v1::LoadModelRequest request;
  request.set_model(model);
  request.set_version(version);
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::LoadModelResponse> answer;
  answer.status = stub_->LoadModel(&context, request, &answer.response);
  return answer;
}

Answer<v1::UnloadModelResponse> PredictdProcess::UnloadModel(const std::string& model,
                                                             const std::string& version) {
  v1::UnloadModelRequest request;
  request.set_model(model);
  request.set_version(version);
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::UnloadModelResponse> answer;
  answer.status = stub_->UnloadModel(&context, request, &answer.response);
  return answer;
}

v1::ModelVersion PredictdProcess::ModelVersion(const std::string& model, int version) {
  const Answer<v1::ListModelsResponse> listed = ListModels();
  for (const v1::ModelVersion& found : listed.response.models()) {
    if (found.model() == model && found.version() == std::to_string(version)) return found;
  }
  return v1::ModelVersion();
}

bool PredictdProcess::WaitForState(const std::string& model, int version, v1::ModelState state,
                                   absl::Duration limit) {
  return WaitUntil([&] { return ModelVersion(model, version).state() == state; }, limit);
}

bool PredictdProcess::WaitUntilReady(absl::Duration limit) {
  return WaitUntil(
      [this] {
        if (!http_address_.empty()) return HttpGet("/readyz").code == 200;
        grpc::ClientContext context;
        SetDeadline(context);
        grpc::health::v1::HealthCheckResponse response;
        return health_stub_->Check(&context, grpc::health::v1::HealthCheckRequest(), &response)
                   .ok() &&
               response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
      },
      limit);
}

double PredictdProcess::Metric(absl::string_view series) const {
  const std::optional<double> value = Metrics().Find(series);
  if (!value) throw std::runtime_error(absl::StrCat("/metrics has no ", series));
  return *value;
}

bool PredictdProcess::WaitForMetric(absl::string_view series, double at_least,
                                    absl::Duration limit) const {
  return WaitUntil([&] { return Metrics().Find(series).value_or(0) >= at_least; }, limit);
}

}  // namespace predictd::integration
