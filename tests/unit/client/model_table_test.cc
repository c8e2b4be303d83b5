#include "client/model_table.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

v1::ModelVersion& Add(ModelVersions& models, const std::string& version, v1::ModelState state) {
  v1::ModelVersion& added = *models.Add();
  added.set_model("churn");
  added.set_version(version);
  added.set_state(state);
  return added;
}

v1::ModelVersion& AddLoaded(ModelVersions& models, const std::string& version, absl::Duration age) {
  v1::ModelVersion& added = Add(models, version, v1::MODEL_STATE_READY);
  added.mutable_loaded_at()->set_seconds(absl::ToUnixSeconds(kNow - age));
  return added;
}

TEST_CASE("a row per version: state, age, share of the traffic and rows served") {
  ModelVersions models;
  AddLoaded(models, "12", absl::Seconds(9)).set_shadow_percent(10);
  v1::ModelVersion& canary = AddLoaded(models, "11", absl::Seconds(252));
  canary.set_traffic_percent(0.5);
  canary.set_rows_served(1234);
  v1::ModelVersion& serving = AddLoaded(models, "10", absl::Hours(51));
  serving.set_traffic_percent(99.5);
  serving.set_rows_served(12'345'678);
  Add(models, "9", v1::MODEL_STATE_LOADING);
  AddLoaded(models, "8", absl::Hours(60)).set_state(v1::MODEL_STATE_UNLOADED);
  CHECK(ModelTable(models, {.now = kNow}) ==
        "MODEL  VERSION  STATE     AGE     TRAFFIC           ROWS\n"
        "churn  12       READY     9.0s    shadow 10%           0\n"
        "churn  11       READY     4m 12s  0.5%             1,234\n"
        "churn  10       READY     2d 3h   99.5%       12,345,678\n"
        "churn  9        LOADING   -       -                    -\n"
        "churn  8        UNLOADED  -       -                    -\n");
}

TEST_CASE("a reason stands below its row, wrapped where a terminal is so wide") {
  ModelVersions models;
  Add(models, "2", v1::MODEL_STATE_FAILED).set_reason("the file model.pt\nis broken");
  CHECK(ModelTable(models, {.now = kNow}) ==
        "MODEL  VERSION  STATE   AGE  TRAFFIC  ROWS\n"
        "churn  2        FAILED  -    -           -\n"
        "    the file model.pt is broken\n");
  CHECK(ModelTable(models, {.now = kNow, .columns = 22}) ==
        "MODEL  VERSION  STATE   AGE  TRAFFIC  ROWS\n"
        "churn  2        FAILED  -    -           -\n"
        "    the file model.pt\n"
        "    is broken\n");
}

TEST_CASE("a folder of which no version is known has its row, too") {
  ModelVersions models;
  Add(models, "", v1::MODEL_STATE_FAILED).set_reason("cannot read churn");
  CHECK(ModelTable(models, {.now = kNow}) ==
        "MODEL  VERSION  STATE   AGE  TRAFFIC  ROWS\n"
        "churn  -        FAILED  -    -           -\n"
        "    cannot read churn\n");
}

TEST_CASE("signatures name tensors, features and their defaults") {
  ModelVersions models;
  v1::Signature& signature = *AddLoaded(models, "1", absl::Seconds(9)).mutable_signature();
  v1::Tensor& input = *signature.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(-1);
  input.add_shape(2);
  v1::Tensor& output = *signature.add_outputs();
  output.set_name("tokens");
  output.set_datatype("INT64");
  output.add_shape(-1);
  output.add_shape(-1);
  output.add_shape(4);
  v1::Feature& age = *signature.add_features();
  age.set_name("age");
  age.set_default_value(30);
  signature.add_features()->set_name("hours");
  CHECK(ModelTable(models, {.now = kNow, .signatures = true}) ==
        "MODEL  VERSION  STATE  AGE   TRAFFIC  ROWS\n"
        "churn  1        READY  9.0s  0%          0\n"
        "    takes x FP32[2]\n"
        "    gives tokens INT64[?,4]\n"
        "    features age = 30, hours\n");
}

TEST_CASE("an empty repository is said with what to do") {
  CHECK(ModelTable({}, {.now = kNow}) ==
        "no models; put one into the folder of predictd's --models, such as churn/1/model.pt\n");
}

}  // namespace
}  // namespace predictd::client
