#include "server/rpc/health_service.h"

#include <grpcpp/support/async_stream.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/async/signal.h"
#include "server/rpc/call.h"

namespace predictd::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr int kSpareChecks = 2;

}  // namespace

HealthCheckResponse::ServingStatus HealthOf(absl::string_view service,
                                            const repository::Catalog& catalog,
                                            const ServiceState& state) {
  bool ready = false;
  if (service.empty() || service == "predictd.v1.Predictor") {
    ready = catalog.Ready();
  } else {
    const auto snapshot = catalog.snapshot();
    const auto model = snapshot->models.find(service);
    if (model == snapshot->models.end()) return HealthCheckResponse::SERVICE_UNKNOWN;
    ready = model->second.Serving() != nullptr;
  }
  return ready && !state.lame_duck ? HealthCheckResponse::SERVING
                                   : HealthCheckResponse::NOT_SERVING;
}

HealthService::HealthService(EventLoop& loop, Async& service, const repository::Catalog& catalog,
                             const ServiceState& state)
    : loop_(loop),
      service_(service),
      catalog_(catalog),
      state_(state),
      check_(loop, scope_, service, &Async::RequestCheck, kSpareChecks,
             [this](Call& call, const HealthCheckRequest& request, HealthCheckResponse& response) {
               return Check(call, request, response);
             }) {}

void HealthService::Start() {
  check_.Start();
  scope_.Spawn(Watch());
}

void HealthService::EndWatches() {
  watches_end_ = true;
  watchers_.SetAll();
}

Task<absl::Status> HealthService::Check(Call&, const HealthCheckRequest& request,
                                        HealthCheckResponse& response) {
  response.set_status(HealthOf(request.service(), catalog_, state_));
  if (response.status() == HealthCheckResponse::SERVICE_UNKNOWN) {
    co_return absl::NotFoundError(
        absl::StrCat("unknown service '", request.service(),
                     "'; use an empty name, predictd.v1.Predictor or a model's name"));
  }
  co_return absl::OkStatus();
}

Task<void> HealthService::Watch() {
  Call call(loop_);
  HealthCheckRequest request;
  grpc::ServerAsyncWriter<HealthCheckResponse> writer(&call.context());
  Completion step;
  service_.RequestWatch(&call.context(), &request, &writer, &loop_.queue(), &loop_.queue(),
                        step.tag());
  if (!co_await step) co_return;
  call.Accepted();
  scope_.Spawn(Watch());

  Signal changed(loop_);
  const DrainList::Entry watching(watchers_, changed);
  call.OnCancel([&changed] { changed.Set(); });
  HealthCheckResponse sent;
  bool first = true;
  while (!call.cancelled()) {
    changed.Reset();
    HealthCheckResponse now;
    now.set_status(HealthOf(request.service(), catalog_, state_));
    if (first || now.status() != sent.status()) {
      first = false;
      sent = now;
      writer.Write(sent, step.tag());
      if (!co_await step) break;
      continue;  // it may have changed during the write
    }
    // After the last change was told: a drain without a lame-duck time changes and ends at once.
    if (watches_end_) break;
    co_await changed;
  }
  writer.Finish(
      watches_end_ ? ToGrpc(absl::UnavailableError("shutting down")) : grpc::Status::CANCELLED,
      step.tag());
  co_await step;
}

}  // namespace predictd::rpc
