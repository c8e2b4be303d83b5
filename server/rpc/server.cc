#include "server/rpc/server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/time/clock.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/base/thread.h"

namespace predictd::rpc {
namespace {

// How often a drain looks whether the last call has been answered.
constexpr absl::Duration kDrainLook = absl::Milliseconds(2);

constexpr double kEnoughIdleCpus = 0.5;

// Reflection is gRPC's own synchronous service, which has a thread for each open call: beyond these
// it refuses them.
constexpr int kReflectionThreads = 8;

}  // namespace

Server::Server(ListenOptions options, int event_loops, int min_event_loops, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      min_event_loops_(min_event_loops),
      idle_cpus_(clock) {
  // Must be there before the first builder is made; one per process.
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  for (int i = 0; i < event_loops; ++i) {
    const bool rests = i >= min_event_loops;
    loops_.push_back(std::make_unique<EventLoop>(clock, builder_.AddCompletionQueue(), rests));
    if (min_event_loops > 1) loops_.back()->StopSpinning();
    services_.push_back(std::make_unique<Services>());
    serving_.push_back(!rests);
  }
}

Server::~Server() = default;

absl::StatusOr<std::vector<std::string>> Server::Start(
    const ServiceParts& parts, const std::function<void()>& prepare_thread) {
  facts_ = parts.facts;
  metrics_ = &parts.metrics;
  const auto credentials = MakeCredentials(options_);
  if (!credentials.ok()) return credentials.status();
  std::vector<ListenSocket> sockets;
  std::vector<std::string> addresses;
  for (const std::string& address : options_.addresses) {
    auto opened = ListenSocket::Open(address);
    PREDICTD_RETURN_IF_ERROR(opened.status());
    addresses.push_back(opened->front().address());
    for (ListenSocket& socket : *opened) sockets.push_back(std::move(socket));
  }
  SetLimits(options_, builder_);
  builder_.SetResourceQuota(grpc::ResourceQuota("predictd").SetMaxThreads(kReflectionThreads));
  acceptor_ = std::make_unique<Acceptor>(
      std::move(sockets),
      builder_.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, *credentials));
  builder_.RegisterService(&predictor_service_);
  builder_.RegisterService(&inference_service_);
  builder_.RegisterService(&health_service_);
  server_ = builder_.BuildAndStart();
  if (server_ == nullptr) return absl::InternalError("gRPC cannot start a server; see its lines");

  for (size_t i = 0; i < loops_.size(); ++i) {
    Services& services = *services_[i];
    services.predictor = std::make_unique<PredictorService>(PredictorParts{
        *loops_[i], predictor_service_, *parts.predictors[i], *parts.features[i], parts.catalog,
        parts.repository, parts.metrics, state_, services.streams, parts.admin});
    services.inference = std::make_unique<InferenceService>(InferenceParts{
        *loops_[i], inference_service_, *parts.inferences[i], parts.catalog, parts.repository,
        parts.metrics, state_, services.streams, parts.admin, facts_});
    services.health =
        std::make_unique<HealthService>(*loops_[i], health_service_, parts.catalog, state_);
    if (static_cast<int>(i) < min_event_loops_) StartServices(services);
    if (loops_.size() > 1) loops_[i]->OnFull([this, i] { HelpLoop(i); });
    threads_.emplace_back([loop = loops_[i].get(), prepare_thread] {
      NameThread("event-loop");
      prepare_thread();
      loop->Run();
    });
  }
  acceptor_->Start();
  return addresses;
}

void Server::StartServices(Services& services) {
  services.predictor->Start();
  services.inference->Start();
  services.health->Start();
}

void Server::HelpLoop(size_t full) {
  const size_t loops = loops_.size();
  MutexLock lock(serving_mutex_);
  const auto below = [&](size_t distance) { return (full + loops - distance) % loops; };
  size_t resting = 0;
  while (!serving_[below(resting + 1)]) ++resting;
  if (resting == 0 || idle_cpus_.SinceLastCall() < kEnoughIdleCpus) return;
  const size_t next = below((resting + 1) / 2);
  serving_[next] = true;
  loops_[full]->StopSpinning();
  loops_[next]->PostFunction([this, &loop = *loops_[next], &services = *services_[next]] {
    // Its queue is shut down after the drain, and to ask it for calls then would end the process.
    if (state_.draining) return;
    loop.Serve();
    StartServices(services);
    Log(LogLevel::kInfo, "another event loop takes calls");
  });
}

void Server::OnEachLoop(const std::function<void(Services&)>& function) {
  for (size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->PostFunction([function, services = services_[i].get()] { function(*services); });
  }
}

void Server::HealthChanged() {
  OnEachLoop([](Services& services) { services.health->Changed(); });
}

bool Server::Drain(absl::Duration lame_duck, absl::Time deadline, absl::Duration goodbye) {
  state_.lame_duck = true;
  HealthChanged();
  absl::SleepFor(std::min(lame_duck, deadline - clock_.Now()));

  state_.draining = true;
  OnEachLoop([](Services& services) { services.streams.SetAll(); });
  int in_flight = metrics_->in_flight_requests;
  while (in_flight > 0 && clock_.Now() < deadline) {
    absl::SleepFor(kDrainLook);
    in_flight = metrics_->in_flight_requests;
  }
  if (in_flight > 0) {
    Log(LogLevel::kWarning, "calls were still in flight at the deadline", {{"calls", in_flight}});
    for (const auto& loop : loops_) {
      loop->PostFunction([loop = loop.get()] { loop->open_calls().CutOffAll(); });
    }
  }
  OnEachLoop([](Services& services) { services.health->EndWatches(); });
  acceptor_->Stop();
  CloseConnections(deadline, goodbye);
  return metrics_->in_flight_requests == 0;
}

void Server::CloseConnections(absl::Time deadline, absl::Duration goodbye) {
  // gRPC closes a connection when its calls have ended and the other side has answered a ping: then
  // no call of it can be on its way any more. A client that is idle, or hangs, may not answer.
  const absl::Time silent_until = clock_.Now() + goodbye;
  std::atomic<bool> closed = false;
  std::thread closing([this, &closed] {
    // The loops go on taking events meanwhile.
    server_->Shutdown();
    closed = true;
  });
  while (!closed) {
    const absl::Time now = clock_.Now();
    if (now >= silent_until && (now >= deadline || OpenCalls() == 0)) {
      grpc_server_cancel_all_calls(server_->c_server());
      break;
    }
    absl::SleepFor(kDrainLook);
  }
  closing.join();
}

int Server::OpenCalls() const {
  int open = 0;
  for (const auto& loop : loops_) open += loop->open_calls().count();
  return open;
}

Task<void> Server::ShutdownWhenIdle(EventLoop& loop, Services& services) {
  // An operation that is started on a queue after its shutdown ends the process, and a call that
  // has ended may still be about to wait for the next one.
  co_await services.predictor->Done();
  co_await services.inference->Done();
  co_await services.health->Done();
  loop.Shutdown();
}

void Server::StopLoops() {
  for (size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->PostFunction([loop = loops_[i].get(), services = services_[i].get()] {
      services->end.Spawn(ShutdownWhenIdle(*loop, *services));
    });
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace predictd::rpc
