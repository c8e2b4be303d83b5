// What the server says of itself and of its models, and the repository's RPCs.
#include "tests/catch.h"
#include "tests/integration/inference/client.h"

namespace predictd::integration {
namespace {

using Stub = InferenceClient::Stub;

bool Ready(InferenceClient& client, const std::string& model, const std::string& version = "") {
  inference::ModelReadyRequest request;
  request.set_name(model);
  request.set_version(version);
  const auto answer = client.Call(&Stub::ModelReady, request);
  CHECK(answer.ok());
  return answer.response.ready();
}

std::vector<std::string> Index(InferenceClient& client, bool ready) {
  inference::RepositoryIndexRequest request;
  request.set_ready(ready);
  std::vector<std::string> entries;
  const auto answer = client.Call(&Stub::RepositoryIndex, request);
  for (const auto& entry : answer.response.models()) {
    entries.push_back(entry.name() + " " + entry.version() + " " + entry.state());
  }
  return entries;
}

TEST_CASE("liveness, readiness and metadata of the server") {
  ModelRepository repository;
  repository.Add("a", 1, Mixed());
  const Gate gate;
  repository.Add("b", 1, Gated(1, gate).Defaults(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitForState("a", 1, v1::MODEL_STATE_READY));
  InferenceClient client(server);
  CHECK(client.Call(&Stub::ServerLive, inference::ServerLiveRequest()).response.live());
  CHECK_FALSE(client.Call(&Stub::ServerReady, inference::ServerReadyRequest()).response.ready());
  CHECK(Ready(client, "a"));
  CHECK(Ready(client, "a", "1"));
  CHECK_FALSE(Ready(client, "a", "2"));
  CHECK_FALSE(Ready(client, "b"));
  CHECK_FALSE(Ready(client, "unknown"));
  CHECK(client.Call(&Stub::ModelReady, inference::ModelReadyRequest()).code() ==
        grpc::INVALID_ARGUMENT);  // two are there
  const auto metadata =
      client.Call(&Stub::ServerMetadata, inference::ServerMetadataRequest()).response;
  CHECK(metadata.name() == "predictd");
  CHECK_FALSE(metadata.version().empty());
  CHECK(std::vector<std::string>(metadata.extensions().begin(), metadata.extensions().end()) ==
        std::vector<std::string>{"model_repository", "model_repository(unload_dependents)",
                                 "model_configuration", "statistics"});
}

TEST_CASE("metadata and configuration of a model") {
  ModelRepository repository;
  repository.Add("mixed", 3, Mixed());
  repository.Add("mixed", 12, Mixed());
  repository.Write("mixed/config.json", R"({"max_batch": 24, "batch_delay": "0.002s"})");
  PredictdProcess server({"--models=" + repository.path(), "--workers=3"});
  REQUIRE(server.WaitForState("mixed", 3, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("mixed", 12, v1::MODEL_STATE_READY));
  InferenceClient client(server);

  inference::ModelMetadataRequest request;
  request.set_name("mixed");
  const auto metadata = client.Call(&Stub::ModelMetadata, request).response;
  CHECK(metadata.name() == "mixed");
  CHECK(std::vector<std::string>(metadata.versions().begin(), metadata.versions().end()) ==
        std::vector<std::string>{"3", "12"});
  CHECK(metadata.platform() == "pytorch_libtorch");
  REQUIRE(metadata.inputs_size() == 3);
  CHECK(metadata.inputs(0).name() == "x");
  CHECK(metadata.inputs(0).datatype() == "FP32");
  CHECK(std::vector<int64_t>(metadata.inputs(0).shape().begin(),
                             metadata.inputs(0).shape().end()) == std::vector<int64_t>{-1, 2});
  REQUIRE(metadata.outputs_size() == 5);
  CHECK(metadata.outputs(0).shape_size() == 1);
  CHECK(metadata.outputs(2).shape_size() == 3);
  request.set_name("unknown");
  CHECK(client.Call(&Stub::ModelMetadata, request).code() == grpc::NOT_FOUND);

  inference::ModelConfigRequest config_request;
  config_request.set_name("mixed");
  config_request.set_version("3");
  const auto config = client.Call(&Stub::ModelConfig, config_request).response.config();
  CHECK(config.name() == "mixed");
  CHECK(config.platform() == "pytorch_libtorch");
  CHECK(config.backend() == "pytorch");
  CHECK(config.max_batch_size() == 24);
  REQUIRE(config.input_size() == 3);
  CHECK(config.input(1).name() == "k");
  CHECK(config.input(1).data_type() == inference::TYPE_INT64);
  REQUIRE(config.input(1).dims_size() == 1);
  CHECK(config.input(1).dims(0) == 1);
  REQUIRE(config.output_size() == 5);
  CHECK(config.output(0).dims().empty());
  CHECK(config.output(2).dims_size() == 2);
  CHECK(config.output(4).data_type() == inference::TYPE_BOOL);
  CHECK(config.dynamic_batching().max_queue_delay_microseconds() == 2000);
  CHECK(config.dynamic_batching().preferred_batch_size(5) == 24);
  REQUIRE(config.instance_group_size() == 1);
  CHECK(config.instance_group(0).count() == 3);
  CHECK(config.instance_group(0).kind() == inference::ModelInstanceGroup::KIND_CPU);
}

TEST_CASE("statistics add up") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1).Defaults(0));
  repository.Add("m", 2, Sum(1).Defaults(0));
  repository.Add("n", 1, ThrowsBelowZero(1).Defaults(0));
  PredictdProcess server({"--models=" + repository.path(), "--max_batch=8"});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("m", 2, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("n", 1, v1::MODEL_STATE_READY));
  InferenceClient client(server);
  const auto statistics = [&](const std::string& name, const std::string& version) {
    inference::ModelStatisticsRequest request;
    request.set_name(name);
    request.set_version(version);
    return client.Call(&Stub::ModelStatistics, request);
  };
  // Warm-up does not count.
  const auto before = statistics("m", "2").response.model_stats(0);
  CHECK(before.inference_count() == 0);
  CHECK(before.execution_count() == 0);
  CHECK(before.last_inference() == 0);

  for (int i = 0; i < 10; ++i) REQUIRE(client.Infer(RowsOfX("m", 1, {1})).ok());
  REQUIRE(client.Infer(RowsOfX("m", 8, std::vector<float>(8, 1))).ok());
  REQUIRE(server.Predict("u", {{"f0", 1}}, "m").ok());
  REQUIRE_FALSE(client.Infer(RowsOfX("n", 1, {-1})).ok());

  CHECK(server.ModelVersion("m", 2).rows_served() == 10 + 8 + 1);
  CHECK(server.ModelVersion("n", 1).rows_served() == 1);

  const auto answer = statistics("m", "2");
  REQUIRE(answer.response.model_stats_size() == 1);
  const auto& stats = answer.response.model_stats(0);
  CHECK(stats.name() == "m");
  CHECK(stats.version() == "2");
  CHECK(stats.inference_count() == 19);
  CHECK(stats.last_inference() > 1'600'000'000'000);
  CHECK(stats.inference_stats().success().count() == 12);
  CHECK(stats.inference_stats().success().ns() > 0);
  CHECK(stats.inference_stats().fail().count() == 0);
  CHECK(stats.inference_stats().queue().count() == 19);
  CHECK(stats.inference_stats().compute_infer().count() == stats.execution_count());
  CHECK(stats.inference_stats().compute_infer().ns() > 0);
  CHECK(stats.inference_stats().success().ns() >= stats.inference_stats().compute_infer().ns());
  uint64_t runs = 0;
  uint64_t rows = 0;
  for (const auto& batch : stats.batch_stats()) {
    runs += batch.compute_infer().count();
    rows += batch.compute_infer().count() * batch.batch_size();
  }
  CHECK(runs == stats.execution_count());
  CHECK(rows == 19);

  CHECK(statistics("m", "").response.model_stats_size() == 2);
  CHECK(statistics("", "").response.model_stats_size() == 3);
  const auto failed = statistics("n", "1").response.model_stats(0);
  CHECK(failed.inference_stats().fail().count() == 1);
  CHECK(failed.inference_count() == 0);
  CHECK(failed.execution_count() == 0);
  CHECK(statistics("unknown", "").code() == grpc::NOT_FOUND);
  CHECK(statistics("m", "7").code() == grpc::NOT_FOUND);
}

TEST_CASE("the repository is listed, loaded from and unloaded") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  repository.Add("m", 2, Sum(1));
  ModelSpec broken = Sum(1);
  broken.signature_missing = true;
  repository.Add("bad", 1, broken);
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("m", 2, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("bad", 1, v1::MODEL_STATE_FAILED));
  InferenceClient client(server);
  CHECK(Index(client, false) ==
        std::vector<std::string>{"bad 1 UNAVAILABLE", "m 2 READY", "m 1 READY"});
  CHECK(Index(client, true) == std::vector<std::string>{"m 2 READY", "m 1 READY"});
  const auto index =
      client.Call(&Stub::RepositoryIndex, inference::RepositoryIndexRequest()).response;
  CHECK_FALSE(index.models(0).reason().empty());

  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("m");
  (*unload.mutable_parameters())["unload_dependents"].set_bool_param(true);
  REQUIRE(client.Call(&Stub::RepositoryModelUnload, unload).ok());
  CHECK(WaitUntil([&] {
    return Index(client, false) ==
           std::vector<std::string>{"bad 1 UNAVAILABLE", "m 2 UNAVAILABLE", "m 1 UNAVAILABLE"};
  }));
  CHECK(client.Infer(RowsOfX("m", 1, {1})).code() == grpc::FAILED_PRECONDITION);

  inference::RepositoryModelLoadRequest load;
  load.set_model_name("m");
  REQUIRE(client.Call(&Stub::RepositoryModelLoad, load).ok());
  CHECK(Index(client, true) == std::vector<std::string>{"m 2 READY"});
  CHECK(client.Infer(RowsOfX("m", 1, {1})).ok());

  (*load.mutable_parameters())["config"].set_string_param("{}");
  const auto with_config = client.Call(&Stub::RepositoryModelLoad, load);
  CHECK(with_config.code() == grpc::INVALID_ARGUMENT);
  CHECK(with_config.message().find("config") != std::string::npos);
  load.clear_parameters();
  load.set_model_name("bad");
  CHECK(client.Call(&Stub::RepositoryModelLoad, load).code() == grpc::FAILED_PRECONDITION);
  load.set_model_name("unknown");
  CHECK(client.Call(&Stub::RepositoryModelLoad, load).code() == grpc::NOT_FOUND);
  load.set_model_name("");
  CHECK(client.Call(&Stub::RepositoryModelLoad, load).code() == grpc::INVALID_ARGUMENT);
  load.set_repository_name("elsewhere");
  CHECK(client.Call(&Stub::RepositoryModelLoad, load).code() == grpc::INVALID_ARGUMENT);
}

TEST_CASE("with --admin=off the repository's RPCs are refused and not advertised") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--admin=off"});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  const inference::RepositoryIndexRequest index;
  CHECK(client.Call(&Stub::RepositoryIndex, index).code() == grpc::PERMISSION_DENIED);
  inference::RepositoryModelLoadRequest load;
  load.set_model_name("m");
  CHECK(client.Call(&Stub::RepositoryModelLoad, load).code() == grpc::PERMISSION_DENIED);
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("m");
  CHECK(client.Call(&Stub::RepositoryModelUnload, unload).code() == grpc::PERMISSION_DENIED);
  const auto metadata =
      client.Call(&Stub::ServerMetadata, inference::ServerMetadataRequest()).response;
  CHECK(std::vector<std::string>(metadata.extensions().begin(), metadata.extensions().end()) ==
        std::vector<std::string>{"model_configuration", "statistics"});
}

}  // namespace
}  // namespace predictd::integration
