// A shadow is run beside the version that answers, and never answers itself.
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

constexpr char kPair[] = R"(model="m",version="1",shadow="3")";

std::string Rows(const std::string& result) {
  return absl::StrCat("predictd_shadow_rows_total{", kPair, ",result=\"", result, "\"}");
}

void Configure(ModelRepository& repository, int percent) {
  repository.Write("m/config.json",
                   absl::StrCat(R"({"shadow": {"version": 3, "percent": )", percent, "}}"));
}

bool WaitForShadow(PredictdProcess& server, int percent) {
  return WaitUntil([&] {
    return server.ModelVersion("m", 3).shadow_percent() == percent &&
           server.ModelVersion("m", 1).state() == v1::MODEL_STATE_READY;
  });
}

// One after the other, so that the shadow always has room.
void CallAndCheck(PredictdProcess& server, int calls, float f0) {
  for (int call = 0; call < calls; ++call) {
    const auto answer = server.Predict(absl::StrCat("u", call), {{"f0", f0}});
    INFO(answer.message());
    REQUIRE(answer.ok());
    CHECK(answer.response.version() == "1");
    CHECK(answer.response.outputs(0) == f0);
  }
}

TEST_CASE("a shadow is compared with what the old version answers") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  repository.Add("m", 3, FactorModel(3));
  Configure(repository, 100);
  PredictdProcess server({"--models=" + repository.path(), "--event_loops=1"});
  REQUIRE(WaitForShadow(server, 100));
  CHECK(server.ModelVersion("m", 3).traffic_percent() == 0);
  CHECK(server.ModelVersion("m", 1).traffic_percent() == 100);

  CallAndCheck(server, 100, 2);
  CHECK(server.WaitForMetric(Rows("compared"), 100));
  // |3 * 2 - 1 * 2| each time.
  const auto series = [](const char* name, const char* more = "") {
    return absl::StrCat(name, "{", kPair, more, "}");
  };
  CHECK(server.Metric(series("predictd_shadow_difference_count")) == 100);
  CHECK(server.Metric(series("predictd_shadow_difference_sum")) == 400);
  for (const char* of : {",of=\"version\"", ",of=\"shadow\""}) {
    CHECK(server.Metric(series("predictd_shadow_model_seconds_count", of)) == 100);
    CHECK(server.Metric(series("predictd_shadow_model_seconds_sum", of)) > 0);
  }
  CHECK(server.Metric(Rows("failed")) == 0);
  CHECK(server.Metric(Rows("dropped")) == 0);
  // Of what the model answers, there is only what callers were told.
  CHECK(server.Metric(R"(predictd_model_output_sum{model="m"})") == 200);

  Configure(repository, 25);
  REQUIRE(WaitForShadow(server, 25));
  CallAndCheck(server, 100, 1);
  CHECK(server.WaitForMetric(Rows("compared"), 125));
  repository.Write("m/config.json", "{}");
  CHECK(WaitUntil([&] { return ServedVersion(server) == "3"; }));
  CHECK(server.Metric(Rows("compared")) == 125);
}

TEST_CASE("a shadow that fails harms nobody") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  repository.Add("m", 3, ThrowsBelowZero(1));
  Configure(repository, 100);
  PredictdProcess server({"--models=" + repository.path(), "--event_loops=1"});
  REQUIRE(WaitForShadow(server, 100));
  CallAndCheck(server, 200, -1);
  CHECK(server.WaitForMetric(Rows("failed"), 200));
  CHECK(server.Metric(Rows("compared")) == 0);
  CHECK(server.Metrics().Sum(R"(predictd_requests_total{code="INTERNAL"})") == 0);
  CHECK(server.ModelVersion("m", 3).state() == v1::MODEL_STATE_READY);
  const std::string log = server.Log();
  const size_t line = log.find("shadow failed");
  REQUIRE(line != std::string::npos);
  CHECK(log.find("f0 is negative", line) != std::string::npos);
  CHECK(log.find("shadow failed", line + 1) == std::string::npos);

  // Many at once: what the shadow has no room for is dropped, and nobody is refused.
  Load::Options options = FactorLoad();
  options.threads = 8;
  Load load(server.grpc_address(), options);
  REQUIRE(load.WaitFor(2000));
  const Load::Result result = load.Stop();
  INFO(result.problem);
  CHECK(result.failed() == 0);
  CHECK(result.wrong == 0);
  CHECK(WaitUntil([&] {
    const MetricsText metrics = server.Metrics();
    return metrics.Sum(absl::StrCat("predictd_shadow_rows_total{", kPair, "}")) ==
           static_cast<double>(result.ok()) + 200;
  }));
}

}  // namespace
}  // namespace predictd::integration
