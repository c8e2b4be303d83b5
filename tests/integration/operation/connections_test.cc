// How long a client's connection lasts.
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/integration/faults/sockets.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

TEST_CASE("a client that pings every few seconds without calls keeps its connection") {
  ModelRepository repository;
  PredictdProcess server({"--models=" + repository.path()});
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 8000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  const auto channel = grpc::CreateCustomChannel(server.grpc_address(),
                                                 grpc::InsecureChannelCredentials(), arguments);
  REQUIRE(channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kPatience)));
  // The fourth ping is the one for which gRPC throws a client off.
  CHECK_FALSE(channel->WaitForStateChange(GRPC_CHANNEL_READY,
                                          absl::ToChronoTime(absl::Now() + absl::Seconds(36))));
}

TEST_CASE("--max_connection_age ends connections, and no call with them") {
  ModelRepository repository;
  Gate gate;
  repository.Add("m", 1, Gated(1, gate).Defaults(0));
  PredictdProcess server({"--models=" + repository.path(), "--max_connection_age=1s",
                          "--inline_budget=0", "--workers=2", "--drain_timeout=10m"});
  REQUIRE(server.WaitUntilReady());
  grpc::Status held;
  std::thread caller([&] { held = server.Predict("u", {{"f0", 1}}).status; });
  CHECK(server.WaitForMetric("predictd_in_flight_requests", 1));
  for (int connections = 0; connections < 3; ++connections) {
    const auto channel = server.NewChannel();
    const auto stub = v1::Predictor::NewStub(channel);
    do {
      grpc::ClientContext context;
      SetDeadline(context);
      v1::PredictRequest request;
      request.set_user_id("u");
      (*request.mutable_features())["f0"] = 0;
      v1::PredictResponse response;
      const grpc::Status status = stub->Predict(&context, request, &response);
      INFO(status.error_message());
      REQUIRE(status.ok());
    } while (!channel->WaitForStateChange(GRPC_CHANNEL_READY,
                                          absl::ToChronoTime(absl::Now() + absl::Milliseconds(1))));
  }
  gate.Open();
  caller.join();
  CHECK(held.ok());
}

}  // namespace
}  // namespace predictd::integration
