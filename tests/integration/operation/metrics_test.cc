// /metrics: what is there from the start, and what known traffic makes of it.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

// Every series that is promised from the start, of a server with model "m" version 1.
std::vector<std::string> Promised() {
  std::vector<std::string> series = {"predictd_in_flight_requests",
                                     "predictd_redis_reconnects_total",
                                     "predictd_redis_up",
                                     "predictd_invalidation_up",
                                     "predictd_invalidations_total",
                                     "predictd_feature_age_seconds_count",
                                     "predictd_save_queue_rows",
                                     "predictd_log_lines_dropped_total",
                                     "predictd_model_folders_unreadable",
                                     "predictd_batch_rows_count{model=\"m\"}",
                                     "predictd_queue_rows{model=\"m\"}",
                                     "predictd_model_output_count{model=\"m\"}",
                                     "predictd_model_loads_total{model=\"m\",result=\"failed\"}"};
  for (const char* method :
       {"Predict", "PredictBatch", "PredictStream", "GetPrediction", "LoadModel", "UnloadModel"}) {
    for (const char* code :
         {"OK", "NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED",
          "DEADLINE_EXCEEDED", "CANCELLED", "FAILED_PRECONDITION", "PERMISSION_DENIED"}) {
      series.push_back(
          absl::StrCat("predictd_requests_total{method=\"", method, "\",code=\"", code, "\"}"));
    }
    series.push_back(
        absl::StrCat("predictd_request_duration_seconds_count{method=\"", method, "\"}"));
  }
  for (const char* stage : {"features", "queue", "model", "save"}) {
    series.push_back(absl::StrCat("predictd_stage_duration_seconds_count{stage=\"", stage, "\"}"));
  }
  for (const char* reason : {"queue_full", "deadline", "cancelled"}) {
    series.push_back(absl::StrCat("predictd_rows_dropped_total{reason=\"", reason, "\"}"));
  }
  for (const char* origin :
       {"request", "local_cache", "redis", "source", "defaults", "not_found"}) {
    series.push_back(absl::StrCat("predictd_feature_rows_total{origin=\"", origin, "\"}"));
  }
  for (const char* store : {"redis", "source", "save"}) {
    series.push_back(
        absl::StrCat("predictd_feature_errors_total{store=\"", store, "\",kind=\"timeout\"}"));
  }
  for (const char* result : {"saved", "failed", "dropped"}) {
    series.push_back(absl::StrCat("predictd_saves_total{result=\"", result, "\"}"));
  }
  return series;
}

TEST_CASE("every promised series is there from the start, at zero") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  const MetricsText metrics = server.Metrics();
  for (const std::string& series : Promised()) {
    INFO(series);
    const std::optional<double> value = metrics.Find(series);
    REQUIRE(value.has_value());
    CHECK(*value == 0);
  }
  CHECK(server.WaitForMetric("predictd_ready", 1));
  CHECK(metrics.Find(R"(predictd_model_ready{model="m",version="1"})") == 1);
  CHECK(metrics.Find(R"(predictd_model_loads_total{model="m",result="ok"})") == 1);
  CHECK(metrics.Find(R"(predictd_model_load_duration_seconds_count{model="m"})") == 1);
  CHECK(metrics.Sum("predictd_build_info") == 1);
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
    INFO(name);
    CHECK(metrics.Find(name).value_or(0) > 0);
  }
  for (const auto& [series, value] : metrics.all()) {
    if (series.name != "predictd_build_info") continue;
    for (const char* label : {"version", "libtorch", "grpc", "hiredis"}) {
      INFO(label);
      CHECK(series.labels.count(label) == 1);
    }
  }
}

TEST_CASE("a model that has not finished loading is there as not ready") {
  ModelRepository repository;
  Gate gate;
  repository.Add("slow", 1, Gated(1, gate).Defaults(1));
  PredictdProcess server({"--models=" + repository.path()});
  const std::string ready = R"(predictd_model_ready{model="slow",version="1"})";
  CHECK(server.WaitForState("slow", 1, v1::MODEL_STATE_LOADING));
  const MetricsText early = server.Metrics();
  CHECK(early.Find(ready) == 0);
  CHECK(early.Find(R"(predictd_model_loads_total{model="slow",result="ok"})") == 0);
  CHECK(early.Find(R"(predictd_model_loads_total{model="slow",result="failed"})") == 0);
  gate.Open();
  CHECK(server.WaitForMetric(ready, 1));
}

TEST_CASE("known traffic is counted exactly, and no label names a user") {
  ModelRepository repository;
  repository.Add("m", 1, ThrowsBelowZero(2));
  const FeatureTable table(20, 2);
  const TempFolder folder;
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--save_to=sqlite:" + folder.File("p.db"), "--local_cache_ttl=1h"});
  REQUIRE(server.WaitUntilReady());
  for (int user = 0; user < 10; ++user) {
    for (int time = 0; time < 2; ++time) REQUIRE(server.Predict(absl::StrCat("u", user)).ok());
  }
  for (int i = 0; i < 3; ++i) REQUIRE(server.Predict("u1", {{"f0", 0.5F}, {"f1", 0}}).ok());
  for (int i = 0; i < 4; ++i) CHECK(server.Predict("secretperson").code() == grpc::NOT_FOUND);
  CHECK(server.Predict("").code() == grpc::INVALID_ARGUMENT);
  CHECK(server.Predict("u1", {{"f0", -1}}).code() == grpc::INTERNAL);
  CHECK(server.Predict("u1", {}, "nomodel").code() == grpc::NOT_FOUND);
  REQUIRE(server.WaitForMetric(R"(predictd_saves_total{result="saved"})", 23));
  // What a caller need not wait for.
  REQUIRE(WaitUntil([&] {
    return server.Metric("predictd_in_flight_requests") == 0 &&
           server.Metric("predictd_save_queue_rows") == 0;
  }));

  const MetricsText metrics = server.Metrics();
  const auto requests = [&](const std::string& code) {
    return metrics.Find("predictd_requests_total{method=\"Predict\",code=\"" + code + "\"}");
  };
  CHECK(requests("OK") == 23);
  CHECK(requests("NOT_FOUND") == 5);
  CHECK(requests("INVALID_ARGUMENT") == 1);
  CHECK(requests("INTERNAL") == 1);
  CHECK(metrics.Find(R"(predictd_request_duration_seconds_count{method="Predict"})") == 30);
  const auto rows = [&](const std::string& origin) {
    return metrics.Find("predictd_feature_rows_total{origin=\"" + origin + "\"}");
  };
  CHECK(rows("source") == 10);
  CHECK(rows("local_cache") == 11);
  CHECK(rows("request") == 3);
  CHECK(rows("not_found") == 4);
  CHECK(rows("defaults") == 0);
  CHECK(metrics.Find(R"(predictd_model_output_count{model="m"})") == 23);
  CHECK(metrics.Find(R"(predictd_model_output_bucket{model="m",le="0.5"})") == 3);
  CHECK(metrics.Find("predictd_feature_age_seconds_count") == 21);
  CHECK(metrics.Find("predictd_in_flight_requests") == 0);
  CHECK(metrics.Find(R"(predictd_queue_rows{model="m"})") == 0);
  CHECK(metrics.Find("predictd_save_queue_rows") == 0);
  for (const auto& [series, value] : metrics.all()) {
    for (const auto& [label, text] : series.labels) {
      CHECK_FALSE(text == "u1");
      CHECK_FALSE(absl::StrContains(text, "secretperson"));
      CHECK_FALSE(absl::StrContains(text, "nomodel"));
    }
  }
}

TEST_CASE("the metrics page is Prometheus text: every series has its type and help") {
  ModelRepository repository;
  PredictdProcess server({"--models=" + repository.path()});
  const HttpAnswer page = server.HttpGet("/metrics");
  CHECK(page.code == 200);
  CHECK(absl::StrContains(page.headers, "text/plain; version=0.0.4"));
  for (const char* line :
       {"# TYPE predictd_requests_total counter", "# HELP predictd_requests_total ",
        "# TYPE predictd_request_duration_seconds histogram", "# TYPE predictd_redis_up gauge",
        "# TYPE process_cpu_seconds_total counter"}) {
    INFO(line);
    CHECK(absl::StrContains(page.body, line));
  }
}

}  // namespace
}  // namespace predictd::integration
