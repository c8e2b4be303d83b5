// Models that throw, give NaN, or take their time.
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

// Gives FP64, beyond the range of FP32 for rows whose sum is above 340.
ModelSpec LargeOutputs() {
  ModelSpec spec = Sum(kFeatures);
  spec.source = "def forward(self, x):\n    return x.sum(1, keepdim=True).double() * 1e36\n";
  spec.signature.mutable_outputs(0)->set_datatype("FP64");
  return spec;
}

// One batch in which `poison` lies among good users; the row that fails is that one alone.
void CheckPoisonedRow(PredictdProcess& predictd, const std::string& model, int poison,
                      const std::string& what) {
  v1::PredictBatchRequest request;
  request.set_model(model);
  for (int user = 0; user < 64; ++user) request.add_user_ids("u" + std::to_string(user));
  v1::PredictBatchResponse response;
  grpc::ClientContext context;
  SetDeadline(context);
  REQUIRE(predictd.Stub().PredictBatch(&context, request, &response).ok());
  REQUIRE(response.outputs_size() == 64);
  REQUIRE(response.errors_size() == 1);
  CHECK(static_cast<int>(response.errors(0).row()) == poison);
  CHECK(response.errors(0).status().code() == grpc::StatusCode::INTERNAL);
  const std::string& message = response.errors(0).status().message();
  INFO(message);
  CHECK(message.find("'" + model + "'") != std::string::npos);
  CHECK(message.find("version 1") != std::string::npos);
  CHECK(message.find(what) != std::string::npos);
  for (int user = 0; user < 64; ++user) {
    CHECK(std::isnan(response.outputs(user)) == (user == poison));
  }
}

TEST_CASE("A row that makes the model throw, or give NaN or too large a value, fails alone") {
  // User 9 has what the one model throws on, user 11 what the others give no number for.
  const FeatureTable users(64, kFeatures, [](int user, int feature) {
    if (feature > 0) return 1;
    return user == 9 ? -1 : user == 11 ? 2000 : user;
  });
  ModelRepository models;
  models.Add("throws", 1, ThrowsBelowZero(kFeatures));
  models.Add("nan", 1, NanAbove1000(kFeatures));
  models.Add("large", 1, LargeOutputs());
  // On a loop, or on a worker.
  const std::string inline_budget = GENERATE("0", "10ms");
  PredictdProcess predictd({"--models=" + models.path(), "--feature_source=" + users.source(),
                            "--max_batch=16", "--workers=2", "--event_loops=2",
                            "--min_event_loops=2", "--inline_budget=" + inline_budget});
  REQUIRE(predictd.WaitForState("throws", 1, v1::MODEL_STATE_READY));
  REQUIRE(predictd.WaitForState("nan", 1, v1::MODEL_STATE_READY));
  REQUIRE(predictd.WaitForState("large", 1, v1::MODEL_STATE_READY));
  CheckPoisonedRow(predictd, "throws", 9, "f0 is negative");
  CheckPoisonedRow(predictd, "nan", 11, "NaN");
  CheckPoisonedRow(predictd, "large", 11, "beyond FP32");

  // The same from many callers at once, of whom every eighth is the poisoner.
  Load::Options mixed;
  mixed.threads = 8;
  mixed.request = [](int64_t number, v1::PredictRequest& request) {
    request.set_user_id(number % 8 == 0 ? "u9" : "u" + std::to_string(number % 8));
    request.set_model("throws");
  };
  mixed.check = [](const v1::PredictRequest& request, const v1::PredictResponse& response) {
    const float expected = 2 + std::stof(request.user_id().substr(1));
    return response.outputs(0) == expected ? "" : response.ShortDebugString();
  };
  Load load(predictd.grpc_address(), mixed);
  REQUIRE(load.WaitFor(800));
  const Load::Result result = load.Stop();
  CHECK(result.wrong == 0);
  CHECK(result.failed() == result.Count(grpc::StatusCode::INTERNAL));
  const int64_t all = result.ok() + result.failed();
  // Threads end in the middle of a round.
  CHECK(std::abs(result.failed() - all / 8) <= 8);
  CHECK(predictd.Metric(R"(predictd_requests_total{method="Predict",code="INTERNAL"})") ==
        result.failed());
  CHECK(predictd.Predict("u11", {}, "large").code() == grpc::StatusCode::INTERNAL);
  CheckSteady(predictd, "nan");
}

TEST_CASE("A slow model holds up neither another model nor health") {
  ModelRepository models;
  models.Add("slow", 1, BusyByFeature(kFeatures).Defaults(0));
  models.Add("m", 1, Identity(kFeatures));
  const FeatureTable users(kUsers, kFeatures);
  PredictdProcess predictd({"--models=" + models.path(), "--feature_source=" + users.source(),
                            "--max_batch=4", "--workers=2", "--event_loops=1",
                            "--default_model=m"});
  REQUIRE(predictd.WaitForState("slow", 1, v1::MODEL_STATE_READY));
  REQUIRE(predictd.WaitForState("m", 1, v1::MODEL_STATE_READY));
  // Too slow from its first real row on to run on a loop.
  REQUIRE(predictd.Predict("u1", {{"f0", 50}}, "slow").ok());

  std::atomic<bool> answered{false};
  grpc::Status status;
  std::jthread caller([&] {
    status = predictd.Predict("u1", {{"f0", 3000}}, "slow").status;
    answered = true;
  });
  REQUIRE(WaitUntil([&] { return predictd.Metric("predictd_in_flight_requests") >= 1; }));
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(100));
  CHECK(predictd.HttpGet("/readyz").code == 200);
  CHECK_FALSE(answered);
  CheckUndisturbed(load.Stop());
  caller.join();
  CHECK(status.ok());
  CHECK(predictd.Metrics().Sum(R"(predictd_batch_rows_sum{model="slow"})") == 2);
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
