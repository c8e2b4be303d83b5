// grpc.health.v1.Health on one loop.
#ifndef PREDICTD_SERVER_RPC_HEALTH_SERVICE_H_
#define PREDICTD_SERVER_RPC_HEALTH_SERVICE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/repository/catalog.h"
#include "server/rpc/drain_list.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/service_state.h"
#include "server/rpc/unary.h"

namespace predictd::rpc {

// "" and "predictd.v1.Predictor": SERVING exactly when the catalog is ready and the server is not
// draining; a model's name: the same for that model. SERVICE_UNKNOWN for other names.
grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(absl::string_view service,
                                                              const repository::Catalog& catalog,
                                                              const ServiceState& state);

// Loop's thread only. Destroyed when Done.
class HealthService {
 public:
  using Async = grpc::health::v1::Health::AsyncService;

  HealthService(EventLoop& loop, Async& service, const repository::Catalog& catalog,
                const ServiceState& state);

  // Starts taking calls.
  void Start();
  // As PredictorService::Done.
  auto Done() { return scope_.Done(); }

  // The catalog or the server's state has changed: watchers are told what is new to them.
  void Changed() { watchers_.SetAll(); }
  // The drain has ended: watch streams end.
  void EndWatches();

 private:
  Task<absl::Status> Check(Call& call, const grpc::health::v1::HealthCheckRequest& request,
                           grpc::health::v1::HealthCheckResponse& response);
  // Waits for one watch stream, then spawns itself for the next and serves it to its end.
  Task<void> Watch();

  EventLoop& loop_;
  Async& service_;
  const repository::Catalog& catalog_;
  const ServiceState& state_;
  DrainList watchers_;
  bool watches_end_ = false;
  Scope scope_;
  UnaryMethod<Async, grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse>
      check_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_HEALTH_SERVICE_H_
