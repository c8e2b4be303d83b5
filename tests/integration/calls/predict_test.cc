// Predict: what is answered.
#include <iostream>
#include "tests/catch.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

TEST_CASE("a user id becomes a prediction") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(3));
  const FeatureTable table(10, 3);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());
  const auto answer = server.Predict("u2");
  INFO(answer.message());
  REQUIRE(answer.ok());
  CHECK(answer.response.outputs(0) == 63);
  std::cerr << server.Log();
}

TEST_CASE("every kind of test model becomes ready") {
  ModelRepository repository;
  repository.Add("identity", 1, Identity(2));
  repository.Add("throws", 1, ThrowsBelowZero(2));
  repository.Add("nan", 1, NanAbove1000(2));
  repository.Add("busy", 1, Busy(2, absl::Milliseconds(1)));
  repository.Add("busyby", 1, BusyByFeature(2));
  repository.Add("two", 1, TwoOutputs(2));
  repository.Add("int", 1, Int64Sum(2));
  repository.Add("big", 1, Big(2, 10));
  PredictdProcess server({"--models=" + repository.path(), "--max_batch=4"});
  const bool ready = server.WaitUntilReady();
  INFO(server.ListModels().response.DebugString() << server.Log());
  REQUIRE(ready);
  for (const char* model : {"identity", "throws", "nan", "busy", "busyby", "two", "int", "big"}) {
    const auto answer = server.Predict("u", {{"f0", 1}, {"f1", 2}}, model);
    INFO(model << ": " << answer.message() << answer.response.DebugString());
    CHECK(answer.ok());
  }
}

}  // namespace
}  // namespace predictd::integration
