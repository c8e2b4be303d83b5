// Predict: what each mistake and each trouble is answered with.
#include <limits>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/catch.h"
#include "tests/integration/harness/answers.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

using Codes = grpc::StatusCode;

v1::PredictRequest Request(const std::string& user_id, const std::string& model = "",
                           const std::string& version = "") {
  v1::PredictRequest request;
  request.set_user_id(user_id);
  request.set_model(model);
  request.set_version(version);
  return request;
}

v1::PredictRequest With(v1::PredictRequest request, const std::string& name, float value) {
  (*request.mutable_features())[name] = value;
  return request;
}

void CheckRefused(PredictdProcess& server, const v1::PredictRequest& request, Codes code,
                  const std::vector<std::string>& parts) {
  const auto answer = server.Predict(request);
  INFO(request.ShortDebugString() << " -> " << answer.code() << " " << answer.message());
  CHECK(answer.code() == code);
  for (const std::string& part : parts) {
    INFO(part);
    CHECK(answer.message().find(part) != std::string::npos);
  }
}

TEST_CASE("what is wrong with a request is said, by field") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(2));
  const FeatureTable table(3, 2);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());

  CheckRefused(server, Request(""), Codes::INVALID_ARGUMENT, {"user_id"});
  CheckRefused(server, Request(std::string(513, 'x')), Codes::INVALID_ARGUMENT, {"user_id", "512"});
  CheckRefused(server, Request(std::string(512, 'x')), Codes::NOT_FOUND, {"xxx"});
  CheckRefused(server, Request(std::string("u\0x", 3)), Codes::INVALID_ARGUMENT,
               {"user_id", "NUL"});
  CheckRefused(server, Request("nobody"), Codes::NOT_FOUND, {"nobody"});
  CheckRefused(server, With(Request("u1"), "f0", std::numeric_limits<float>::quiet_NaN()),
               Codes::INVALID_ARGUMENT, {"f0"});
  CheckRefused(server, With(Request("u1"), "f1", std::numeric_limits<float>::infinity()),
               Codes::INVALID_ARGUMENT, {"f1"});
  CheckRefused(server, With(Request("u1"), "height", 2), Codes::INVALID_ARGUMENT, {"height"});
  v1::PredictRequest negative = Request("u1");
  negative.mutable_max_feature_age()->set_seconds(-1);
  CheckRefused(server, negative, Codes::INVALID_ARGUMENT, {"max_feature_age"});
  negative.mutable_max_feature_age()->set_seconds(2);
  negative.mutable_max_feature_age()->set_nanos(-1);
  CheckRefused(server, negative, Codes::INVALID_ARGUMENT, {"max_feature_age"});
  CheckRefused(server, Request("u1", "n"), Codes::NOT_FOUND, {"'n'", "'m'"});
  CheckRefused(server, Request("u1", "m", "9"), Codes::NOT_FOUND, {"9", "1"});
  CheckRefused(server, Request("u1", "m", "../1"), Codes::NOT_FOUND, {"../1"});
  // A user known to the source whose row lacks what the model needs.
  table.Run("INSERT INTO user_features VALUES ('half', 1, NULL)");
  CheckRefused(server, Request("half"), Codes::FAILED_PRECONDITION, {"f1"});
  CheckRefused(server, With(Request("nobody"), "f0", 1), Codes::FAILED_PRECONDITION, {"f1"});
  // The server is none the worse for it.
  CHECK(server.Predict("u1").ok());
}

TEST_CASE("without a store the request must bring every feature") {
  ModelRepository repository;
  ModelSpec tensors_only = Sum(2);
  tensors_only.signature.clear_features();
  repository.Add("m", 1, Sum(2));
  repository.Add("tensors", 1, tensors_only);
  PredictdProcess server({"--models=" + repository.path(), "--default_model=m"});
  REQUIRE(server.WaitUntilReady());
  REQUIRE(server.WaitForState("tensors", 1, v1::MODEL_STATE_READY));
  CheckRefused(server, With(Request("u1"), "f0", 1), Codes::FAILED_PRECONDITION,
               {"f1", "--feature_source"});
  CHECK(server.Predict("u1", {{"f0", 1}, {"f1", 2}}).ok());
  CheckRefused(server, Request("u1", "tensors"), Codes::FAILED_PRECONDITION, {"tensors"});
}

TEST_CASE("with several models and no default a request must name one") {
  ModelRepository repository;
  repository.Add("a", 1, Sum(1));
  repository.Add("b", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  CheckRefused(server, With(Request("u"), "f0", 1), Codes::INVALID_ARGUMENT, {"a", "b"});
  CHECK(server.Predict("u", {{"f0", 1}}, "b").response.model() == "b");
}

TEST_CASE("while a model warms up callers are told at once, and when to come again") {
  ModelRepository repository;
  repository.Add("quick", 1, Sum(1));
  Gate gate;
  repository.Add("slow", 1, Gated(1, gate).Defaults(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitForState("quick", 1, v1::MODEL_STATE_READY));

  const auto answer = server.Predict("u", {{"f0", 1}}, "slow");
  CHECK(answer.code() == Codes::UNAVAILABLE);
  CHECK(answer.message() == "model 'slow' is warming up");
  CHECK(HasRetryInfo(answer.status));
  const auto named = server.Predict(With(Request("u", "slow", "1"), "f0", 1));
  CHECK(named.code() == Codes::UNAVAILABLE);
  CHECK(HasRetryInfo(named.status));
  CHECK(server.HttpGet("/readyz").code == 503);
  // The others are served meanwhile.
  CHECK(server.Predict("u", {{"f0", 1}}, "quick").ok());
  gate.Open();
  CHECK(server.WaitUntilReady());
  CHECK(server.Predict("u", {{"f0", 1}}, "slow").ok());
}

TEST_CASE("a model of which every version failed is answered with the newest one's reason") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(2).Golden({1, 2}, {4}));
  ModelSpec without = Sum(2);
  without.signature_missing = true;
  repository.Add("m", 2, without);
  repository.Add("good", 1, Sum(2));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_FAILED));
  REQUIRE(server.WaitForState("m", 2, v1::MODEL_STATE_FAILED));
  const v1::PredictRequest request = With(With(Request("u", "m"), "f0", 1), "f1", 2);
  CheckRefused(server, request, Codes::FAILED_PRECONDITION, {"no signature"});
  v1::PredictRequest named = request;
  named.set_version("1");
  CheckRefused(server, named, Codes::FAILED_PRECONDITION, {"golden case 0", "FAILED"});
  CHECK(server.Predict("u", {{"f0", 1}, {"f1", 2}}, "good").ok());
}

TEST_CASE("a row on which the model throws or gives NaN fails alone, with the model's message") {
  ModelRepository repository;
  repository.Add("throws", 1, ThrowsBelowZero(2));
  repository.Add("nan", 1, NanAbove1000(2));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  CheckRefused(server, With(With(Request("u", "throws"), "f0", -1), "f1", 2), Codes::INTERNAL,
               {"throws", "version 1", "f0 is negative"});
  CheckRefused(server, With(With(Request("u", "nan"), "f0", 2000), "f1", 2), Codes::INTERNAL,
               {"nan", "version 1"});
  CHECK(server.Predict("u", {{"f0", 1}, {"f1", 2}}, "throws").ok());
  CHECK(server.Predict("u", {{"f0", 1}, {"f1", 2}}, "nan").ok());
}

TEST_CASE("a request larger than --max_message_mb is refused, and the connection lives on") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--max_message_mb=1"});
  REQUIRE(server.WaitUntilReady());
  v1::PredictRequest huge = With(Request("u"), "f0", 1);
  huge.set_request_id(std::string(2 << 20, 'x'));
  CheckRefused(server, huge, Codes::RESOURCE_EXHAUSTED, {});
  CHECK(server.Predict("u", {{"f0", 1}}).ok());
}

}  // namespace
}  // namespace predictd::integration
