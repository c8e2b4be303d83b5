// What --save_to holds after predictions were answered.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

struct Rig {
  Rig() { repository.Add("m", 1, TwoOutputs(2)); }

  std::vector<std::string> Flags(const std::string& save) const {
    return {"--models=" + repository.path(), "--feature_source=" + table.source(),
            "--save_to=sqlite:" + file(), "--save=" + save};
  }
  std::string file() const { return folder.File("predictions.db"); }
  std::vector<SqlRow> Run(const std::string& sql) const { return Sql(file(), sql); }

  ModelRepository repository;
  FeatureTable table{200, 2};
  TempFolder folder;
};

v1::PredictRequest Keyed(const std::string& user_id, const std::string& key) {
  v1::PredictRequest request;
  request.set_user_id(user_id);
  request.set_idempotency_key(key);
  return request;
}

TEST_CASE("before_reply: what was answered stands in the table, column by column") {
  const Rig rig;
  PredictdProcess server(rig.Flags("before_reply"));
  REQUIRE(server.WaitUntilReady());
  v1::PredictRequest request = Keyed("u3", "key-1");
  (*request.mutable_features())["f1"] = 0.1F;
  const auto answer = server.Predict(request);
  INFO(answer.message());
  REQUIRE(answer.ok());
  const std::string id = answer.response.prediction_id();
  const auto rows = rig.Run(
      "SELECT idempotency_key, user_id, model, version, features, outputs, feature_origin, "
      "created_at, json_extract(features, '$.f0'), json_extract(outputs, '$[1]') "
      "FROM predictions WHERE prediction_id = '" +
      id + "'");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0][0] == "key-1");
  CHECK(rows[0][1] == "u3");
  CHECK(rows[0][2] == "m");
  CHECK(rows[0][3] == "1");
  CHECK(rows[0][4] == R"({"f0":30,"f1":0.1})");
  CHECK(rows[0][5] == "[30.1,30,0.1]");
  CHECK(rows[0][6].find("SOURCE") != std::string::npos);
  absl::Time created;
  std::string error;
  CHECK(absl::ParseTime(absl::RFC3339_full, rows[0][7], &created, &error));
  CHECK(rows[0][7].size() == std::string("2026-01-01T00:00:00.000Z").size());
  CHECK(rows[0][7].back() == 'Z');
  CHECK(absl::Now() - created < absl::Minutes(5));
}

TEST_CASE("GetPrediction gives what was answered, also while it waits to be written") {
  const Rig rig;
  PredictdProcess server(rig.Flags("after_reply"));
  REQUIRE(server.WaitUntilReady());
  std::string first_id;
  {
    const auto answer = server.Predict(Keyed("u1", ""));
    REQUIRE(answer.ok());
    first_id = answer.response.prediction_id();
    REQUIRE(server.WaitForMetric(R"(predictd_saves_total{result="saved"})", 1));
  }
  for (const char* user : {"u1", "u2", "u3"}) {
    v1::PredictRequest request = Keyed(user, absl::StrCat("key-", user));
    (*request.mutable_features())["f0"] = 1.0F / 3;
    const auto answer = server.Predict(request);
    REQUIRE(answer.ok());
    const auto found = server.GetPrediction(answer.response.prediction_id());
    INFO(found.message());
    REQUIRE(found.ok());
    const v1::GetPredictionResponse& saved = found.response;
    CHECK(saved.prediction_id() == answer.response.prediction_id());
    CHECK(saved.idempotency_key() == absl::StrCat("key-", user));
    CHECK(saved.user_id() == user);
    CHECK(saved.model() == "m");
    CHECK(saved.version() == "1");
    CHECK(saved.features().size() == 2);
    CHECK(saved.features().at("f0") == 1.0F / 3);
    CHECK(saved.feature_origin() == answer.response.feature_origin());
    CHECK(std::equal(saved.outputs().begin(), saved.outputs().end(),
                     answer.response.outputs().begin(), answer.response.outputs().end()));
    CHECK(saved.created_at().nanos() % 1'000'000 == 0);
    REQUIRE(WaitUntil([&] {
      return rig.Run("SELECT 1 FROM predictions WHERE user_id = '" + std::string(user) + "'")
                 .size() >= 1;
    }));
    // From the table the same as from the queue, bit for bit.
    const auto again = server.GetPrediction(answer.response.prediction_id());
    REQUIRE(again.ok());
    CHECK(again.response.SerializeAsString().size() == saved.SerializeAsString().size());
    CHECK(again.response.features().at("f0") == 1.0F / 3);
    CHECK(again.response.created_at().seconds() == saved.created_at().seconds());
    CHECK(again.response.created_at().nanos() == saved.created_at().nanos());
  }
  CHECK(server.GetPrediction(first_id).ok());
  CHECK(server.GetPrediction("").code() == grpc::INVALID_ARGUMENT);
  CHECK(server.GetPrediction("01890000-0000-7000-8000-000000000000").code() == grpc::NOT_FOUND);
  CHECK(server.GetPrediction("'; DROP TABLE predictions; --").code() == grpc::NOT_FOUND);
}

TEST_CASE("the first of several calls with one key is saved, also over a restart") {
  const Rig rig;
  std::string first_id;
  {
    PredictdProcess server(rig.Flags("before_reply"));
    REQUIRE(server.WaitUntilReady());
    const auto first = server.Predict(Keyed("u1", "order-7"));
    REQUIRE(first.ok());
    first_id = first.response.prediction_id();
    const auto repeat = server.Predict(Keyed("u2", "order-7"));
    REQUIRE(repeat.ok());
    // Predicted anew, for the user it names, under the first one's id.
    CHECK(repeat.response.outputs(1) == 20);
    CHECK(repeat.response.prediction_id() == first_id);
    // Without a key every call is saved.
    CHECK(server.Predict(Keyed("u1", "")).response.prediction_id() !=
          server.Predict(Keyed("u1", "")).response.prediction_id());
  }
  {
    PredictdProcess server(rig.Flags("before_reply"));
    REQUIRE(server.WaitUntilReady());
    CHECK(server.Predict(Keyed("u1", "order-7")).response.prediction_id() == first_id);
    CHECK(server.GetPrediction(first_id).response.user_id() == "u1");
  }
  PredictdProcess server(rig.Flags("after_reply"));
  REQUIRE(server.WaitUntilReady());
  CHECK(server.Predict(Keyed("u5", "order-7")).ok());
  CHECK(server.WaitForMetric(R"(predictd_saves_total{result="saved"})", 1));
  const auto rows = rig.Run("SELECT user_id FROM predictions WHERE idempotency_key = 'order-7'");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0][0] == "u1");
  CHECK(rig.Run("SELECT 1 FROM predictions").size() == 3);
}

TEST_CASE("calls with one key at the same time leave one row, and all name it") {
  const Rig rig;
  PredictdProcess server(rig.Flags("before_reply"));
  REQUIRE(server.WaitUntilReady());
  Load::Options options;
  options.threads = 8;
  options.request = [](int64_t number, v1::PredictRequest& request) {
    request = Keyed(absl::StrCat("u", number % 50), absl::StrCat("key-", number / 20));
  };
  Load load(server.grpc_address(), options);
  CHECK(load.WaitFor(600));
  const Load::Result result = load.Stop();
  INFO(result.problem);
  CHECK(result.failed() == 0);
  const std::set<std::string> named(result.prediction_ids.begin(), result.prediction_ids.end());
  std::set<std::string> stored;
  for (const SqlRow& row : rig.Run("SELECT prediction_id FROM predictions")) stored.insert(row[0]);
  CHECK(named == stored);
  CHECK(rig.Run("SELECT idempotency_key FROM predictions GROUP BY 1 HAVING count(*) > 1").empty());
}

TEST_CASE("after_reply: every prediction that was answered is in the table after SIGTERM") {
  const Rig rig;
  std::set<std::string> answered;
  {
    PredictdProcess server(rig.Flags("after_reply"));
    REQUIRE(server.WaitUntilReady());
    Load::Options options;
    options.request = [](int64_t number, v1::PredictRequest& request) {
      request.set_user_id(absl::StrCat("u", number % 200));
    };
    Load load(server.grpc_address(), options);
    REQUIRE(load.WaitFor(1000));
    server.Kill(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    const Load::Result result = load.Stop();
    CHECK(result.ok() >= 1000);
    answered.insert(result.prediction_ids.begin(), result.prediction_ids.end());
    CHECK(static_cast<int64_t>(answered.size()) == result.ok());
  }
  std::set<std::string> stored;
  for (const SqlRow& row : rig.Run("SELECT prediction_id FROM predictions")) stored.insert(row[0]);
  CHECK(std::includes(stored.begin(), stored.end(), answered.begin(), answered.end()));
}

TEST_CASE("prediction ids are UUIDs of version 7 that grow with time") {
  const Rig rig;
  PredictdProcess server(rig.Flags("before_reply"));
  REQUIRE(server.WaitUntilReady());
  std::string last;
  for (int i = 0; i < 20; ++i) {
    const std::string id = server.Predict(Keyed("u1", "")).response.prediction_id();
    REQUIRE(id.size() == 36);
    CHECK(id[14] == '7');
    CHECK(std::string("89ab").find(id[19]) != std::string::npos);
    // Milliseconds first; within one of them two event loops do not agree on an order.
    CHECK(id.substr(0, 13) >= last.substr(0, std::min<size_t>(13, last.size())));
    last = id;
  }
}

TEST_CASE("with --save=off nothing is saved, and without --save_to there is nothing to get") {
  const Rig rig;
  {
    PredictdProcess server(rig.Flags("off"));
    REQUIRE(server.WaitUntilReady());
    CHECK(server.Predict(Keyed("u1", "")).response.prediction_id() == "");
  }
  CHECK(rig.Run("SELECT 1 FROM predictions").empty());
  PredictdProcess server({"--models=" + rig.repository.path()});
  REQUIRE(server.WaitUntilReady());
  const auto nothing = server.GetPrediction("x");
  CHECK(nothing.code() == grpc::FAILED_PRECONDITION);
  CHECK(nothing.message().find("--save_to") != std::string::npos);
}

}  // namespace
}  // namespace predictd::integration
