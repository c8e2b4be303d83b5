// ModelInfer: tensors in every form, and what is refused.
#include <functional>
#include <limits>
#include <numeric>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/inference/client.h"

namespace predictd::integration {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

// Two rows for the model Mixed.
ModelInferRequest MixedRequest() {
  ModelInferRequest request;
  request.set_model_name("mixed");
  // Not in the order of the signature.
  AddInput(request, "flag", "BOOL", {2, 1});
  AddInput(request, "x", "FP32", {2, 2});
  AddInput(request, "k", "INT64", {2, 1});
  return request;
}

ModelInferRequest RawMixedRequest() {
  ModelInferRequest request = MixedRequest();
  request.add_raw_input_contents(Bytes<uint8_t>({1, 0}));
  request.add_raw_input_contents(Bytes<float>({1, 2, 3, 4}));
  request.add_raw_input_contents(Bytes<int64_t>({10, -20}));
  return request;
}

std::vector<int64_t> Shape(const ModelInferResponse::InferOutputTensor& output) {
  return {output.shape().begin(), output.shape().end()};
}

TEST_CASE("several inputs and outputs of several datatypes and ranks go raw") {
  ModelRepository repository;
  repository.Add("mixed", 1, Mixed());
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  ModelInferRequest request = RawMixedRequest();
  request.set_id("r-1");
  const auto answer = client.Infer(request);
  INFO(answer.message());
  REQUIRE(answer.ok());
  const ModelInferResponse& response = answer.response;
  CHECK(response.model_name() == "mixed");
  CHECK(response.model_version() == "1");
  CHECK(response.id() == "r-1");
  CHECK(response.parameters().empty());
  REQUIRE(response.outputs_size() == 5);
  REQUIRE(response.raw_output_contents_size() == 5);
  for (const auto& output : response.outputs()) {
    CHECK_FALSE(output.has_contents());
    CHECK(output.parameters().empty());
  }
  CHECK(response.outputs(0).name() == "total");
  CHECK(response.outputs(0).datatype() == "FP32");
  CHECK(Shape(response.outputs(0)) == std::vector<int64_t>{2});
  CHECK(Elements<float>(response.raw_output_contents(0)) == std::vector<float>{13, -13});
  CHECK(response.outputs(1).name() == "signed");
  CHECK(Shape(response.outputs(1)) == std::vector<int64_t>{2, 2});
  CHECK(Elements<float>(response.raw_output_contents(1)) == std::vector<float>{1, 2, -3, -4});
  CHECK(response.outputs(2).name() == "cube");
  CHECK(Shape(response.outputs(2)) == std::vector<int64_t>{2, 2, 2});
  CHECK(Elements<float>(response.raw_output_contents(2)) ==
        std::vector<float>{1, 2, 2, 4, 3, 4, 6, 8});
  CHECK(response.outputs(3).datatype() == "INT64");
  CHECK(Elements<int64_t>(response.raw_output_contents(3)) == std::vector<int64_t>{11, -19});
  CHECK(response.outputs(4).datatype() == "BOOL");
  CHECK(Elements<uint8_t>(response.raw_output_contents(4)) == std::vector<uint8_t>{0, 1});
}

TEST_CASE("typed inputs are answered by typed outputs, unless the caller says otherwise") {
  ModelRepository repository;
  repository.Add("mixed", 1, Mixed());
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  ModelInferRequest request = MixedRequest();
  request.mutable_inputs(0)->mutable_contents()->add_bool_contents(true);
  request.mutable_inputs(0)->mutable_contents()->add_bool_contents(false);
  for (const float element : {1, 2, 3, 4}) {
    request.mutable_inputs(1)->mutable_contents()->add_fp32_contents(element);
  }
  request.mutable_inputs(2)->mutable_contents()->add_int64_contents(10);
  request.mutable_inputs(2)->mutable_contents()->add_int64_contents(-20);

  const auto typed = client.Infer(request);
  INFO(typed.message());
  REQUIRE(typed.ok());
  CHECK(typed.response.raw_output_contents().empty());
  REQUIRE(typed.response.outputs_size() == 5);
  const auto& total = typed.response.outputs(0).contents().fp32_contents();
  CHECK(std::vector<float>(total.begin(), total.end()) == std::vector<float>{13, -13});
  CHECK(typed.response.outputs(2).contents().fp32_contents_size() == 8);
  CHECK(typed.response.outputs(3).contents().int64_contents(1) == -19);
  CHECK(typed.response.outputs(4).contents().bool_contents(1));

  (*request.mutable_parameters())["binary_data_output"].set_bool_param(true);
  const auto raw = client.Infer(request);
  REQUIRE(raw.ok());
  CHECK_FALSE(raw.response.outputs(0).has_contents());
  CHECK(Elements<float>(raw.response.raw_output_contents(0)) == std::vector<float>{13, -13});

  ModelInferRequest from_raw = RawMixedRequest();
  (*from_raw.mutable_parameters())["binary_data_output"].set_bool_param(false);
  CHECK(client.Infer(from_raw).response.outputs(0).contents().fp32_contents(0) == 13);
}

TEST_CASE("only the outputs that are asked for are answered, in the order asked") {
  ModelRepository repository;
  repository.Add("mixed", 1, Mixed());
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  ModelInferRequest request = RawMixedRequest();
  request.add_outputs()->set_name("next");
  request.add_outputs()->set_name("total");
  const auto answer = client.Infer(request);
  REQUIRE(answer.ok());
  REQUIRE(answer.response.outputs_size() == 2);
  CHECK(answer.response.outputs(0).name() == "next");
  CHECK(answer.response.outputs(1).name() == "total");
  REQUIRE(answer.response.raw_output_contents_size() == 2);
  CHECK(Elements<float>(answer.response.raw_output_contents(1)) == std::vector<float>{13, -13});
}

TEST_CASE("a request of more rows than a batch takes is answered whole, in order") {
  constexpr int kRows = 1000;
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  PredictdProcess server({"--models=" + repository.path(), "--max_batch=16", "--max_queue=100"});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  std::vector<float> elements(kRows * 2);
  std::iota(elements.begin(), elements.end(), 0.0F);
  const auto answer = client.Infer(RowsOfX("m", kRows, elements));
  INFO(answer.message());
  REQUIRE(answer.ok());
  CHECK(Shape(answer.response.outputs(0)) == std::vector<int64_t>{kRows, 2});
  CHECK(Elements<float>(answer.response.raw_output_contents(0)) == elements);
}

TEST_CASE("the version asked for runs, and without one the greatest READY one") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(2));
  repository.Add("m", 2, Sum(2, 10));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("m", 2, v1::MODEL_STATE_READY));
  InferenceClient client(server);
  ModelInferRequest request = RowsOfX("", 1, {1, 2});
  const auto newest = client.Infer(request);
  REQUIRE(newest.ok());
  CHECK(newest.response.model_name() == "m");
  CHECK(newest.response.model_version() == "2");
  CHECK(Elements<float>(newest.response.raw_output_contents(0)) == std::vector<float>{30});
  request.set_model_version("1");
  const auto older = client.Infer(request);
  CHECK(older.response.model_version() == "1");
  CHECK(Elements<float>(older.response.raw_output_contents(0)) == std::vector<float>{3});
  request.set_model_version("9");
  CHECK(client.Infer(request).code() == grpc::NOT_FOUND);
  request.set_model_name("other");
  CHECK(client.Infer(request).code() == grpc::NOT_FOUND);
}

TEST_CASE("what is wrong with a request is answered by the tensor's name") {
  ModelRepository repository;
  repository.Add("mixed", 1, Mixed());
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  const auto check = [&](const char* names, const std::function<void(ModelInferRequest&)>& change) {
    ModelInferRequest request = RawMixedRequest();
    change(request);
    const auto answer = client.Infer(request);
    INFO(answer.message());
    CHECK(answer.code() == grpc::INVALID_ARGUMENT);
    CHECK(answer.message().find(names) != std::string::npos);
  };
  check("'k'", [](ModelInferRequest& r) { r.mutable_inputs(2)->set_datatype("INT32"); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_inputs(2)->set_datatype("BYTES"); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_inputs(2)->set_shape(1, 2); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_inputs(2)->set_shape(0, 1); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_inputs(2)->add_shape(1); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_raw_input_contents(2)->pop_back(); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_inputs(2)->mutable_contents(); });
  check("'k'", [](ModelInferRequest& r) { r.mutable_raw_input_contents()->RemoveLast(); });
  check("'k'", [](ModelInferRequest& r) {
    r.mutable_inputs()->RemoveLast();
    r.mutable_raw_input_contents()->RemoveLast();
  });
  check("'kk'", [](ModelInferRequest& r) { r.mutable_inputs(2)->set_name("kk"); });
  check("'x'", [](ModelInferRequest& r) { r.mutable_inputs(2)->set_name("x"); });
  check("'z'", [](ModelInferRequest& r) { r.add_outputs()->set_name("z"); });
  check("raw_input_contents", [](ModelInferRequest& r) { r.add_raw_input_contents("x"); });
  check("sequence_id",
        [](ModelInferRequest& r) { (*r.mutable_parameters())["sequence_id"].set_int64_param(1); });
  check("shared_memory_region", [](ModelInferRequest& r) {
    (*r.mutable_inputs(1)->mutable_parameters())["shared_memory_region"].set_string_param("r");
  });
  // The connection and the server go on.
  CHECK(client.Infer(RawMixedRequest()).ok());
  CHECK(server.Metric(R"(predictd_requests_total{method="ModelInfer",code="INVALID_ARGUMENT"})") ==
        15);
  CHECK(server.Metric(R"(predictd_requests_total{method="ModelInfer",code="OK"})") == 1);
}

TEST_CASE("a model that throws is INTERNAL for the request that made it throw") {
  ModelRepository repository;
  repository.Add("m", 1, ThrowsBelowZero(1).Defaults(0));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  const auto answer = client.Infer(RowsOfX("m", 1, {-1}));
  CHECK(answer.code() == grpc::INTERNAL);
  CHECK(answer.message().find("f0 is negative") != std::string::npos);
  CHECK(client.Infer(RowsOfX("m", 1, {1})).ok());
}

TEST_CASE("rows of NaN that make a canary fail do not take it back") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  repository.Add("m", 2, Sum(1));
  repository.Write("m/config.json", R"({"canary": {"version": 2, "percent": 50}})");
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(WaitUntil([&] { return server.ModelVersion("m", 2).traffic_percent() == 50; }));
  InferenceClient client(server);
  ModelInferRequest request = RowsOfX("m", 1, {std::numeric_limits<float>::quiet_NaN()});
  request.set_model_version("2");
  for (int i = 0; i < 100; ++i) REQUIRE(client.Infer(request).code() == grpc::INTERNAL);
  CHECK(server.Metric(R"(predictd_canary_returns_total{model="m"})") == 0);
  CHECK(server.ModelVersion("m", 2).traffic_percent() == 50);
}

TEST_CASE("the parameter timeout bounds a request as a deadline does") {
  ModelRepository repository;
  repository.Add("m", 1, BusyByFeature(1).Defaults(0));
  PredictdProcess server(
      {"--models=" + repository.path(), "--inline_budget=0", "--workers=1", "--max_batch=1"});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  // Keeps the only worker busy for three seconds.
  grpc::Status busy;
  std::jthread slow([&] { busy = client.Infer(RowsOfX("m", 1, {3000})).status; });
  // Taken off the queue: what comes now has to wait.
  REQUIRE(WaitUntil([&] {
    return server.Metric("predictd_in_flight_requests") >= 1 &&
           server.Metric(R"(predictd_queue_rows{model="m"})") == 0;
  }));
  ModelInferRequest request = RowsOfX("m", 1, {0});
  // Long enough to get into the queue.
  (*request.mutable_parameters())["timeout"].set_int64_param(500'000);
  const auto late = client.Infer(request);
  CHECK(late.code() == grpc::DEADLINE_EXCEEDED);
  slow.join();
  CHECK(busy.ok());
  (*request.mutable_parameters())["timeout"].set_int64_param(60'000'000);
  CHECK(client.Infer(request).ok());
  CHECK(server.Metric(R"(predictd_rows_dropped_total{reason="deadline"})") == 1);
}

TEST_CASE("Predict and ModelInfer on one model give the same, also at the same time") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(2).Defaults(0));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  int wrong = 0;
  std::string problem;
  std::jthread predicts([&] {
    for (int i = 0; i < 200; ++i) {
      const auto answer = server.Predict("u", {{"f0", static_cast<float>(i)}, {"f1", 1}}, "m");
      if (answer.ok() && answer.response.outputs(0) == static_cast<float>(i + 1)) continue;
      ++wrong;
      problem = answer.message() + answer.response.ShortDebugString();
    }
  });
  InferenceClient client(server);
  for (int i = 0; i < 200; ++i) {
    const auto answer = client.Infer(RowsOfX("m", 1, {static_cast<float>(i), 2}));
    REQUIRE(answer.ok());
    CHECK(Elements<float>(answer.response.raw_output_contents(0)) ==
          std::vector<float>{static_cast<float>(i + 2)});
  }
  predicts.join();
  INFO(problem);
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace predictd::integration
