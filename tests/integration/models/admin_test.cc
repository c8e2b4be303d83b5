// LoadModel, UnloadModel, who may call them, and the memory they give back.
#include <arpa/inet.h>
#include <ifaddrs.h>

#include <thread>

#include "tests/catch.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"
#include "tests/integration/harness/sanitized.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

TEST_CASE("an unloaded version stays so until it is asked for again") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  repository.Add("m", 2, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=20ms"});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("m", 2, v1::MODEL_STATE_READY));

  const auto unloaded = server.UnloadModel("m", "2");
  INFO(unloaded.message());
  REQUIRE(unloaded.ok());
  REQUIRE(unloaded.response.models_size() == 1);
  CHECK(unloaded.response.models(0).version() == "2");
  CHECK(server.WaitForState("m", 2, v1::MODEL_STATE_UNLOADED));
  CHECK(server.ModelVersion("m", 2).reason() != "");
  CHECK(ServedVersion(server) == "1");
  CHECK(server.Metric(R"(predictd_model_ready{model="m",version="2"})") == 0);
  // Another version's arrival makes the repository look at everything.
  repository.Add("m", 3, Sum(1));
  CHECK(server.WaitForState("m", 3, v1::MODEL_STATE_READY));
  CHECK(server.ModelVersion("m", 2).state() == v1::MODEL_STATE_UNLOADED);

  const auto loaded = server.LoadModel("m", "2");
  INFO(loaded.message());
  REQUIRE(loaded.ok());
  REQUIRE(loaded.response.models_size() == 1);
  CHECK(loaded.response.models(0).state() == v1::MODEL_STATE_READY);

  REQUIRE(server.UnloadModel("m").ok());
  const auto none = server.Predict("u", {{"f0", 1}}, "m");
  CHECK(none.code() == grpc::FAILED_PRECONDITION);
  CHECK(none.message().find("UNLOAD") != std::string::npos);
  CHECK(server.HttpGet("/readyz").code == 503);
  // Without a version the newest is loaded; changed files load by themselves.
  REQUIRE(server.LoadModel("m").ok());
  CHECK(ServedVersion(server) == "3");
  REQUIRE(server.UnloadModel("m", "3").ok());
  repository.Add("m", 3, Sum(1));
  CHECK(server.WaitForState("m", 3, v1::MODEL_STATE_READY));
}

TEST_CASE("LoadModel says what is not there and why it cannot be loaded") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  ModelSpec without = Sum(1);
  without.signature_missing = true;
  repository.Add("m", 2, without);
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=0"});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  CHECK(server.LoadModel("n").code() == grpc::NOT_FOUND);
  CHECK(server.LoadModel("m", "9").code() == grpc::NOT_FOUND);
  CHECK(server.UnloadModel("n").code() == grpc::NOT_FOUND);
  CHECK(server.UnloadModel("m", "9").code() == grpc::NOT_FOUND);
  const auto failed = server.LoadModel("m", "2");
  CHECK(failed.code() == grpc::FAILED_PRECONDITION);
  CHECK(failed.message().find("no signature") != std::string::npos);
  // --model_poll=0: only a request makes it look.
  repository.Add("m", 3, Sum(1));
  REQUIRE(server.LoadModel("m").ok());
  CHECK(ServedVersion(server) == "3");
}

TEST_CASE("a caller of LoadModel who goes away is let go, and the version is loaded all the same") {
  ModelRepository repository;
  Gate gate;
  repository.Add("m", 1, Gated(1, gate).Defaults(1));
  PredictdProcess server({"--models=" + repository.path()});
  const auto load = [&](absl::Duration longest) {
    v1::LoadModelRequest request;
    request.set_model("m");
    grpc::ClientContext context;
    SetDeadline(context, longest);
    v1::LoadModelResponse response;
    bool seen = true;
    std::jthread canceller([&] {
      if (longest != kPatience) return;
      seen = WaitUntil([&] { return server.Metric("predictd_in_flight_requests") == 1; });
      context.TryCancel();
    });
    const grpc::Status status = server.Stub().LoadModel(&context, request, &response);
    canceller.join();
    CHECK(seen);
    return status.error_code();
  };
  CHECK(load(kPatience) == grpc::CANCELLED);
  CHECK(WaitUntil([&] { return server.Metric("predictd_in_flight_requests") == 0; }));
  CHECK(server.Metric(R"(predictd_requests_total{method="LoadModel",code="CANCELLED"})") == 1);
  CHECK(load(absl::Milliseconds(200)) == grpc::DEADLINE_EXCEEDED);
  CHECK(WaitUntil([&] { return server.Metric("predictd_in_flight_requests") == 0; }));
  CHECK(server.ModelVersion("m", 1).state() != v1::MODEL_STATE_READY);
  gate.Open();
  CHECK(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  CHECK(server.LoadModel("m").ok());
}

TEST_CASE("with --admin=off nobody may load or unload") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--admin=off"});
  REQUIRE(server.WaitUntilReady());
  CHECK(server.LoadModel("m").code() == grpc::PERMISSION_DENIED);
  CHECK(server.UnloadModel("m").code() == grpc::PERMISSION_DENIED);
  CHECK(ServedVersion(server) == "1");
  CHECK(server.ListModels().ok());
}

// An IPv4 address of this machine that is not its loopback; empty where it has none.
std::string OutsideAddress() {
  ifaddrs* interfaces = nullptr;
  std::string address;
  if (::getifaddrs(&interfaces) != 0) return address;
  for (const ifaddrs* it = interfaces; it != nullptr; it = it->ifa_next) {
    char text[INET_ADDRSTRLEN] = "";
    if (it->ifa_addr == nullptr || it->ifa_addr->sa_family != AF_INET) continue;
    const auto* plain = reinterpret_cast<const sockaddr_in*>(it->ifa_addr);
    ::inet_ntop(AF_INET, &plain->sin_addr, text, sizeof(text));
    if (std::string(text).compare(0, 4, "127.") != 0) address = text;
  }
  ::freeifaddrs(interfaces);
  return address;
}

grpc::StatusCode UnloadThrough(const std::string& address) {
  v1::UnloadModelRequest request;
  request.set_model("m");
  grpc::ClientContext context;
  SetDeadline(context);
  v1::UnloadModelResponse response;
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  return v1::Predictor::NewStub(channel)->UnloadModel(&context, request, &response).error_code();
}

TEST_CASE("by default admin calls are taken from loopback and Unix sockets only") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  const TempFolder folder;
  const std::string socket = "unix:" + folder.File("s");
  const std::string outside = OutsideAddress();
  std::string listen = "--listen=127.0.0.1:0," + socket;
  if (!outside.empty()) listen += "," + outside + ":0";
  PredictdProcess server({"--models=" + repository.path(), listen});
  REQUIRE(server.WaitUntilReady());
  if (outside.empty()) {
    WARN("this machine has no address but its loopback");
  } else {
    CHECK(UnloadThrough(server.grpc_addresses().at(2)) == grpc::PERMISSION_DENIED);
    CHECK(ServedVersion(server) == "1");
  }
  CHECK(UnloadThrough(socket) == grpc::OK);
  REQUIRE(server.LoadModel("m").ok());
  CHECK(UnloadThrough(server.grpc_address()) == grpc::OK);
}

TEST_CASE("an unloaded model gives its memory back") {
  constexpr int kMegabytes = 200;
  constexpr double kBytes = kMegabytes * 1048576.0;
  ModelRepository repository;
  repository.Add("big", 1, Big(1, kMegabytes));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  const double loaded = server.RssBytes();
  CHECK(loaded > kBytes);
  for (int round = 0; round < 3; ++round) {
    REQUIRE(server.UnloadModel("big").ok());
    CHECK(server.WaitForState("big", 1, v1::MODEL_STATE_UNLOADED));
    CHECK((kSanitized || WaitUntil([&] { return server.RssBytes() < loaded - kBytes * 3 / 4; })));
    REQUIRE(server.LoadModel("big").ok());
    CHECK((kSanitized || server.RssBytes() < loaded + kBytes / 2));
  }
}

}  // namespace
}  // namespace predictd::integration
