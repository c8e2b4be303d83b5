#include "server/base/metrics.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"

namespace predictd {
namespace {

// Every series as "name{label=value,...}", histograms as their "_count" and "_sum".
std::map<std::string, double> Collect(Metrics& metrics) {
  std::map<std::string, double> series;
  for (const prometheus::MetricFamily& family : metrics.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::map<std::string, std::string> labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      std::string text = "{";
      for (const auto& [name, value] : labels) {
        absl::StrAppend(&text, text.size() > 1 ? "," : "", name, "=", value);
      }
      text += "}";
      switch (family.type) {
        case prometheus::MetricType::Counter:
          series[family.name + text] = metric.counter.value;
          break;
        case prometheus::MetricType::Gauge:
          series[family.name + text] = metric.gauge.value;
          break;
        default:
          series[family.name + "_count" + text] = metric.histogram.sample_count;
          series[family.name + "_sum" + text] = metric.histogram.sample_sum;
      }
    }
  }
  return series;
}

TEST_CASE("series exist from the start, at zero") {
  Metrics metrics;
  const std::map<std::string, double> series = Collect(metrics);
  for (const auto& [name, value] : series) {
    CAPTURE(name);
    CHECK(value == 0);
  }
  for (const char* name : {
           "predictd_requests_total{code=OK,method=Predict}",
           "predictd_requests_total{code=DEADLINE_EXCEEDED,method=PredictStream}",
           "predictd_requests_total{code=UNAUTHENTICATED,method=UnloadModel}",
           "predictd_request_duration_seconds_count{method=PredictBatch}",
           "predictd_stage_duration_seconds_count{stage=features}",
           "predictd_stage_duration_seconds_count{stage=save}",
           "predictd_in_flight_requests{}",
           "predictd_rows_dropped_total{reason=queue_full}",
           "predictd_rows_dropped_total{reason=deadline}",
           "predictd_rows_dropped_total{reason=cancelled}",
           "predictd_feature_rows_total{origin=request}",
           "predictd_feature_rows_total{origin=local_cache}",
           "predictd_feature_rows_total{origin=redis}",
           "predictd_feature_rows_total{origin=source}",
           "predictd_feature_rows_total{origin=defaults}",
           "predictd_feature_rows_total{origin=not_found}",
           "predictd_feature_errors_total{kind=timeout,store=redis}",
           "predictd_feature_errors_total{kind=unreachable,store=source}",
           "predictd_feature_errors_total{kind=write,store=save}",
           "predictd_redis_reconnects_total{}",
           "predictd_redis_up{}",
           "predictd_feature_age_seconds_count{}",
           "predictd_saves_total{result=saved}",
           "predictd_saves_total{result=failed}",
           "predictd_saves_total{result=dropped}",
           "predictd_save_queue_rows{}",
       }) {
    CAPTURE(name);
    CHECK(series.count(name) == 1);
  }
}

TEST_CASE("counting moves the series that is meant, and no other") {
  Metrics metrics;
  metrics.CountRequest(Method::kPredict, absl::StatusCode::kNotFound, absl::Milliseconds(2));
  metrics.ObserveStage(Stage::kQueue, absl::Seconds(1));
  metrics.CountRowsDropped(DropReason::kDeadline, Stage::kQueue, 3);
  metrics.CountRowsDropped(DropReason::kCancelled, Stage::kQueue);
  metrics.CountDeadlinePassed(Stage::kSave);
  metrics.CountFeatureRows(FeatureOrigin::kRedis);
  metrics.CountFeatureRows(FeatureOrigin::kUnspecified);
  metrics.CountStoreError(Store::kRedis, StoreError::kWrongType);
  metrics.CountSaves(SaveResult::kDropped, 5);
  std::map<std::string, double> moved;
  for (const auto& [name, value] : Collect(metrics)) {
    if (value != 0) moved[name] = value;
  }
  CHECK(moved == std::map<std::string, double>{
                     {"predictd_requests_total{code=NOT_FOUND,method=Predict}", 1},
                     {"predictd_request_duration_seconds_count{method=Predict}", 1},
                     {"predictd_request_duration_seconds_sum{method=Predict}", 0.002},
                     {"predictd_stage_duration_seconds_count{stage=queue}", 1},
                     {"predictd_stage_duration_seconds_sum{stage=queue}", 1},
                     {"predictd_rows_dropped_total{reason=deadline}", 3},
                     {"predictd_rows_dropped_total{reason=cancelled}", 1},
                     {"predictd_deadlines_passed_total{stage=queue}", 3},
                     {"predictd_deadlines_passed_total{stage=save}", 1},
                     {"predictd_feature_rows_total{origin=redis}", 1},
                     {"predictd_feature_rows_total{origin=not_found}", 1},
                     {"predictd_feature_errors_total{kind=wrong_type,store=redis}", 1},
                     {"predictd_saves_total{result=dropped}", 5},
                 });
}

TEST_CASE("a model's series start at zero when it is first named, and are its own") {
  Metrics metrics;
  ModelMetrics& churn = metrics.ForModel("churn");
  CHECK(&metrics.ForModel("churn") == &churn);
  CHECK(&metrics.ForModel("other") != &churn);
  churn.loads_failed.Increment();
  std::map<std::string, double> series = Collect(metrics);
  CHECK(series.at("predictd_model_loads_total{model=churn,result=failed}") == 1);
  CHECK(series.at("predictd_model_loads_total{model=churn,result=ok}") == 0);
  CHECK(series.at("predictd_model_loads_total{model=other,result=failed}") == 0);
  CHECK(series.at("predictd_model_rows_failed_total{model=churn}") == 0);
  CHECK(series.at("predictd_batch_rows_count{model=churn}") == 0);
  CHECK(series.at("predictd_queue_rows{model=churn}") == 0);
  CHECK(series.at("predictd_model_output_count{model=churn}") == 0);
  CHECK(series.at("predictd_model_load_duration_seconds_count{model=churn}") == 0);
}

TEST_CASE("a version's readiness is a series until the version is forgotten") {
  Metrics metrics;
  metrics.SetModelReady("churn", "1", true);
  metrics.SetModelReady("churn", "2", false);
  CHECK(Collect(metrics).at("predictd_model_ready{model=churn,version=1}") == 1);
  CHECK(Collect(metrics).at("predictd_model_ready{model=churn,version=2}") == 0);
  metrics.SetModelReady("churn", "1", false);
  CHECK(Collect(metrics).at("predictd_model_ready{model=churn,version=1}") == 0);
  metrics.ForgetModelVersion("churn", "1");
  metrics.ForgetModelVersion("churn", "7");
  CHECK(Collect(metrics).count("predictd_model_ready{model=churn,version=1}") == 0);
  CHECK(Collect(metrics).count("predictd_model_ready{model=churn,version=2}") == 1);
}

TEST_CASE("the build's versions are the labels of a series that is always 1") {
  Metrics metrics;
  metrics.SetBuildInfo({"1.0", "2.6", "1.51", "0.14"});
  CHECK(Collect(metrics).at(
            "predictd_build_info{grpc=1.51,hiredis=0.14,libtorch=2.6,version=1.0}") == 1);
}

TEST_CASE("status codes have gRPC's names") {
  CHECK(StatusCodeName(absl::StatusCode::kOk) == "OK");
  CHECK(StatusCodeName(absl::StatusCode::kCancelled) == "CANCELLED");
  CHECK(StatusCodeName(absl::StatusCode::kResourceExhausted) == "RESOURCE_EXHAUSTED");
  CHECK(StatusCodeName(absl::StatusCode::kUnavailable) == "UNAVAILABLE");
  CHECK(StatusCodeName(absl::StatusCode::kUnauthenticated) == "UNAUTHENTICATED");
}

}  // namespace
}  // namespace predictd
