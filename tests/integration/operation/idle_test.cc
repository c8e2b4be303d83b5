// What a server costs when nothing happens, and what it gives back.
#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"
#include "tests/integration/harness/sanitized.h"

namespace predictd::integration {
namespace {

TEST_CASE("an idle server sleeps, also after load and with a connection to Redis") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(100, 2);
  RedisServer redis;
  const TempFolder folder;
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--feature_cache=" + redis.unix_url(), "--local_cache_mb=0",
                          "--save_to=sqlite:" + folder.File("p.db")});
  REQUIRE(server.WaitUntilReady());
  Load::Options options;
  options.request = [](int64_t number, v1::PredictRequest& request) {
    request.set_user_id(absl::StrCat("u", number % 100));
  };
  Load load(server.grpc_address(), options);
  CHECK(load.WaitFor(2000));
  CHECK(load.Stop().failed() == 0);
  REQUIRE(WaitUntil([&] { return server.Metric("predictd_save_queue_rows") == 0; }));
  // CPU time, which other programs do not add to: a loop that spins would take all of it.
  const double before = server.CpuSeconds();
  absl::SleepFor(absl::Seconds(2));
  CHECK(server.CpuSeconds() - before < 0.3);
}

TEST_CASE("connections that are closed give their descriptors back, calls their memory") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  const auto round = [&] {
    for (int i = 0; i < 40; ++i) {
      const auto stub = v1::Predictor::NewStub(server.NewChannel());
      grpc::ClientContext context;
      SetDeadline(context);
      const auto stream = stub->PredictStream(&context);
      v1::PredictRequest request;
      request.set_user_id("u");
      (*request.mutable_features())["f0"] = 1;
      v1::PredictResponse response;
      for (int n = 0; n < 100; ++n) {
        REQUIRE(stream->Write(request));
        REQUIRE(stream->Read(&response));
      }
      stream->WritesDone();
      CHECK(stream->Finish().ok());
    }
  };
  round();
  const double files = server.Metric("process_open_fds");
  const double memory = server.RssBytes();
  for (int i = 0; i < 3; ++i) round();
  CHECK(WaitUntil([&] { return server.Metric("process_open_fds") <= files + 5; }));
  CHECK((kSanitized || server.RssBytes() < memory + 64e6));
}

}  // namespace
}  // namespace predictd::integration
