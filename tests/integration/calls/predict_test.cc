// Predict: every field of its answer.
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/harness/answers.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

v1::PredictRequest Request(const std::string& user_id) {
  v1::PredictRequest request;
  request.set_user_id(user_id);
  return request;
}

v1::PredictResponse Ask(PredictdProcess& server, const v1::PredictRequest& request) {
  const auto answer = server.Predict(request);
  INFO(answer.message());
  REQUIRE(answer.ok());
  return answer.response;
}

TEST_CASE("an answer names outputs, model, version, origin and age, and echoes the request id") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  repository.Add("m", 2, Sum(2));
  const FeatureTable table(3, 2);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--local_cache_ttl=1h"});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("m", 2, v1::MODEL_STATE_READY));

  v1::PredictRequest request = Request("u2");
  request.set_request_id("r-7");
  const v1::PredictResponse first = Ask(server, request);
  CHECK(Outputs(first) == std::vector<float>{41});
  CHECK(first.model() == "m");
  CHECK(first.version() == "2");
  CHECK(first.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
  CHECK(first.has_feature_age());
  CHECK(first.feature_age().seconds() < 60);
  CHECK(first.missing_features().empty());
  CHECK(first.prediction_id() == "");
  CHECK(first.request_id() == "r-7");
  CHECK_FALSE(first.has_error());

  request.set_version("1");
  const v1::PredictResponse second = Ask(server, request);
  CHECK(Outputs(second) == std::vector<float>{20, 21});
  CHECK(second.version() == "1");
  CHECK(second.feature_origin() == v1::FEATURE_ORIGIN_LOCAL_CACHE);
  CHECK(second.has_feature_age());

  (*request.mutable_features())["f1"] = -3;
  CHECK(Outputs(Ask(server, request)) == std::vector<float>{20, -3});
  (*request.mutable_features())["f0"] = 5;
  const v1::PredictResponse complete = Ask(server, request);
  CHECK(Outputs(complete) == std::vector<float>{5, -3});
  CHECK(complete.feature_origin() == v1::FEATURE_ORIGIN_REQUEST);
  CHECK_FALSE(complete.has_feature_age());
}

TEST_CASE("what neither the row nor the request has is filled by defaults, and named") {
  ModelRepository repository;
  ModelSpec spec = Identity(3);
  spec.signature.mutable_features(1)->set_default_value(7);
  spec.signature.mutable_features(2)->set_default_value(8);
  repository.Add("m", 1, spec);
  const FeatureTable table(2, 3);
  table.Run("UPDATE user_features SET f1 = NULL WHERE user_id = 'u1'");
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());

  const v1::PredictResponse known = Ask(server, Request("u1"));
  CHECK(Outputs(known) == std::vector<float>{10, 7, 12});
  REQUIRE(known.missing_features_size() == 1);
  CHECK(known.missing_features(0) == "f1");
  CHECK(known.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);

  v1::PredictRequest request = Request("nobody");
  (*request.mutable_features())["f0"] = 1;
  (*request.mutable_features())["f2"] = 2;
  const v1::PredictResponse unknown = Ask(server, request);
  CHECK(Outputs(unknown) == std::vector<float>{1, 7, 2});
  REQUIRE(unknown.missing_features_size() == 1);
  CHECK(unknown.missing_features(0) == "f1");
  CHECK(unknown.feature_origin() == v1::FEATURE_ORIGIN_DEFAULTS);
  CHECK_FALSE(unknown.has_feature_age());

  request.mutable_features()->erase("f0");
  const auto incomplete = server.Predict(request);
  CHECK(incomplete.code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(incomplete.message().find("f0") != std::string::npos);
}

TEST_CASE("max_feature_age 0 reads the source past every cache") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  const FeatureTable table(2, 1);
  RedisServer redis;
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--feature_cache=" + redis.unix_url(), "--feature_cache_timeout=10s",
                          "--local_cache_ttl=1h", "--event_loops=1", "--min_event_loops=1"});
  REQUIRE(server.WaitUntilReady());
  // The row is to be written to Redis as well, and what the process has read is dropped when Redis
  // begins to tell of changes.
  REQUIRE(server.WaitForMetric("predictd_redis_up", 1));
  REQUIRE(server.WaitForMetric("predictd_invalidation_up", 1));
  CHECK(Outputs(Ask(server, Request("u1"))) == std::vector<float>{10});
  table.Run("UPDATE user_features SET f0 = 11 WHERE user_id = 'u1'");
  CHECK(Outputs(Ask(server, Request("u1"))) == std::vector<float>{10});

  v1::PredictRequest fresh = Request("u1");
  fresh.mutable_max_feature_age();
  const v1::PredictResponse read = Ask(server, fresh);
  CHECK(Outputs(read) == std::vector<float>{11});
  CHECK(read.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
  // The caches have the new row too.
  CHECK(Outputs(Ask(server, Request("u1"))) == std::vector<float>{11});

  v1::PredictRequest lenient = Request("u1");
  lenient.mutable_max_feature_age()->set_seconds(3600);
  // Not always the first time: where Redis tells late of the server's own write, the row goes.
  CHECK(WaitUntil(
      [&] { return Ask(server, lenient).feature_origin() == v1::FEATURE_ORIGIN_LOCAL_CACHE; }));
}

TEST_CASE("a row that Redis has comes from Redis, with the age it has there") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(2, 2);
  RedisServer redis;
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--feature_cache=" + redis.unix_url(), "--local_cache_mb=0"});
  REQUIRE(server.WaitUntilReady());
  // Write-back happens behind the answer.
  REQUIRE(WaitUntil(
      [&] { return Ask(server, Request("u1")).feature_origin() == v1::FEATURE_ORIGIN_REDIS; }));
  const v1::PredictResponse answer = Ask(server, Request("u1"));
  CHECK(Outputs(answer) == std::vector<float>{10, 11});
  CHECK(answer.has_feature_age());
  CHECK(redis.Do({"STRLEN", "features:u1"}).integer() == 8 + 8 + 2 * 4);
  const int64_t ttl = redis.Do({"PTTL", "features:u1"}).integer();
  CHECK(ttl > 0);
  CHECK(ttl <= 3'600'000);
}

TEST_CASE("all output tensors are answered in signature order, as float") {
  ModelRepository repository;
  repository.Add("two", 1, TwoOutputs(2));
  repository.Add("int", 1, Int64Sum(2));
  ModelSpec inside = Sum(2);
  inside.signature_inside = true;
  repository.Add("inside", 1, inside);
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  const std::map<std::string, float> features = {{"f0", 3}, {"f1", 4}};
  CHECK(Outputs(server.Predict("u", features, "two").response) == std::vector<float>{7, 3, 4});
  CHECK(Outputs(server.Predict("u", features, "int").response) == std::vector<float>{7});
  CHECK(Outputs(server.Predict("u", features, "inside").response) == std::vector<float>{7});
}

TEST_CASE("a call is taken on a Unix socket as on a port") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  const TempFolder folder;
  const std::string socket = "unix:" + folder.File("s");
  PredictdProcess server({"--models=" + repository.path(), "--listen=127.0.0.1:0," + socket});
  REQUIRE(server.WaitUntilReady());
  REQUIRE(server.grpc_addresses().size() == 2);
  CHECK(server.grpc_addresses()[1] == socket);
  CHECK(server.Predict("u", {{"f0", 2}}).ok());
  const auto channel = grpc::CreateChannel(socket, grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  SetDeadline(context);
  v1::PredictRequest request = Request("u");
  (*request.mutable_features())["f0"] = 2;
  v1::PredictResponse response;
  CHECK(v1::Predictor::NewStub(channel)->Predict(&context, request, &response).ok());
  CHECK(Outputs(response) == std::vector<float>{2});
}

}  // namespace
}  // namespace predictd::integration
