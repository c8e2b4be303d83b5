// The gRPC server and its event loops: listening, serving, draining.
#ifndef PREDICTD_SERVER_RPC_SERVER_H_
#define PREDICTD_SERVER_RPC_SERVER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "inference/grpc_service.grpc.pb.h"
#include "predictd/v1/predictor.grpc.pb.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/rpc/acceptor.h"
#include "server/rpc/drain_list.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/health_service.h"
#include "server/rpc/idle_cpus.h"
#include "server/rpc/inference_service.h"
#include "server/rpc/listener.h"
#include "server/rpc/predictor_service.h"
#include "server/rpc/service_state.h"

namespace predictd::rpc {

// What main gives each loop's services to work with.
struct ServiceParts {
  std::vector<predict::Predictor*> predictors;   // one per loop
  std::vector<predict::FeatureStore*> features;  // one per loop
  std::vector<predict::Inference*> inferences;   // one per loop
  const repository::Catalog& catalog;
  repository::Repository& repository;
  Metrics& metrics;
  AdminAccess admin;
  ServerFacts facts;
};

// Main's thread only. Life: construct, build what the loops need, Start, Drain, StopLoops.
class Server {
 public:
  // `min_event_loops` of the loops take calls from the start.
  Server(ListenOptions options, int event_loops, int min_event_loops, const Clock& clock);
  ~Server();

  const std::vector<std::unique_ptr<EventLoop>>& loops() const { return loops_; }

  // Listens, and starts the loops' threads; each calls `prepare_thread` first. Returns the
  // addresses that are served. An error names the flag and what to do.
  absl::StatusOr<std::vector<std::string>> Start(const ServiceParts& parts,
                                                 const std::function<void()>& prepare_thread);

  // Any thread: the catalog has changed, health watchers are to be told.
  void HealthChanged();

  // Says NOT_SERVING, serves everyone for `lame_duck` more, then refuses new calls and waits for
  // those in flight; what is not answered by `deadline` is cut off with UNAVAILABLE. Says goodbye
  // on every connection and closes it once its calls are answered: by `deadline`, or `goodbye`
  // after the last answer where the other side is silent. Returns false where the work for some
  // call was still under way then.
  bool Drain(absl::Duration lame_duck, absl::Time deadline, absl::Duration goodbye);

  // After everything that posts to the loops has stopped, and Drain has returned true.
  void StopLoops();

 private:
  // Per loop, beside the loop itself.
  struct Services {
    DrainList streams;
    std::unique_ptr<PredictorService> predictor;
    std::unique_ptr<InferenceService> inference;
    std::unique_ptr<HealthService> health;
    Scope end;  // of the task that shuts the loop down
  };

  // On the services' loop, or before it runs.
  static void StartServices(Services& services);
  // On the thread of a loop that is full: if there is a CPU for it (else every call would only cost
  // more: 1.9 times, measured with 64 calls in flight over four connections), wakes
  // the middle one of the loops that rest right below it,
  // as the calls of their connections go up to the next loop that serves (RequestMatcher in gRPC's
  // server.cc, 1.51).
  void HelpLoop(size_t full);
  // Waits until no call is left, not even one that waits to be accepted, before it shuts the loop's
  // queue down.
  static Task<void> ShutdownWhenIdle(EventLoop& loop, Services& services);
  void CloseConnections(absl::Time deadline, absl::Duration goodbye);
  // Calls whose answer is not written yet, but for health watches.
  int OpenCalls() const;
  // Runs `function` for each loop, on its thread.
  void OnEachLoop(const std::function<void(Services&)>& function);

  const ListenOptions options_;
  const Clock& clock_;
  const int min_event_loops_;
  Metrics* metrics_ = nullptr;  // since Start
  ServiceState state_;
  grpc::ServerBuilder builder_;
  ServerFacts facts_;
  v1::Predictor::AsyncService predictor_service_;
  inference::GRPCInferenceService::AsyncService inference_service_;
  grpc::health::v1::Health::AsyncService health_service_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::unique_ptr<Services>> services_;
  Mutex serving_mutex_;
  IdleCpus idle_cpus_ ABSL_GUARDED_BY(serving_mutex_);
  std::vector<bool> serving_ ABSL_GUARDED_BY(serving_mutex_);  // per loop; the others rest
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<std::thread> threads_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_SERVER_H_
