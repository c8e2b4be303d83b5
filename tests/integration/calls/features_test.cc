// Users' rows that are put and got, by RPC and by the command-line client.
#include <cmath>
#include <fstream>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/harness/answers.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct Row {
  std::string user_id;
  std::vector<double> values;
};

Answer<v1::PutFeaturesResponse> Put(PredictdProcess& server, const std::vector<std::string>& names,
                                    const std::vector<Row>& rows) {
  v1::PutFeaturesRequest request;
  for (const std::string& name : names) request.add_names(name);
  for (const Row& row : rows) {
    v1::FeatureRow& message = *request.add_rows();
    message.set_user_id(row.user_id);
    message.mutable_values()->Add(row.values.begin(), row.values.end());
  }
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::PutFeaturesResponse> answer;
  answer.status = server.Stub().PutFeatures(&context, request, &answer.response);
  return answer;
}

Answer<v1::GetFeaturesResponse> Get(PredictdProcess& server, const std::string& user_id) {
  v1::GetFeaturesRequest request;
  request.set_user_id(user_id);
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::GetFeaturesResponse> answer;
  answer.status = server.Stub().GetFeatures(&context, request, &answer.response);
  return answer;
}

TEST_CASE("the next prediction after a put uses the new row") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(3, 2);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--local_cache_ttl=1h"});
  REQUIRE(server.WaitUntilReady());
  CHECK(Outputs(server.Predict("u1").response) == std::vector<float>{10, 11});
  CHECK(server.Predict("new").code() == grpc::NOT_FOUND);

  const auto put = Put(server, {"f1", "f0"},
                       {{"u1", {-1, -2}}, {"", {1, 1}}, {"new", {0.5, 0.25}}, {"u2", {1}}});
  INFO(put.message());
  REQUIRE(put.ok());
  CHECK(put.response.written() == 2);
  REQUIRE(put.response.errors_size() == 2);
  CHECK(put.response.errors(0).row() == 1);
  CHECK(put.response.errors(0).status().code() == grpc::INVALID_ARGUMENT);
  CHECK(put.response.errors(1).row() == 3);
  CHECK(Outputs(server.Predict("u1").response) == std::vector<float>{-2, -1});
  CHECK(Outputs(server.Predict("new").response) == std::vector<float>{0.25, 0.5});
  CHECK(Outputs(server.Predict("u2").response) == std::vector<float>{20, 21});

  REQUIRE(Put(server, {"f0"}, {{"new", {kMissing}}}).ok());
  const auto got = Get(server, "new");
  REQUIRE(got.ok());
  CHECK(got.response.user_id() == "new");
  CHECK(got.response.features_size() == 1);
  CHECK(got.response.features().at("f1") == 0.5F);
  CHECK(got.response.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
  CHECK(got.response.has_feature_age());
  CHECK(Get(server, "new").response.feature_origin() == v1::FEATURE_ORIGIN_LOCAL_CACHE);
  CHECK(Get(server, "nobody").code() == grpc::NOT_FOUND);
  CHECK(Get(server, "").code() == grpc::INVALID_ARGUMENT);
  CHECK(server.Metric(R"(predictd_requests_total{code="OK",method="PutFeatures"})") == 2);
  CHECK(server.Metric(R"(predictd_requests_total{code="NOT_FOUND",method="GetFeatures"})") == 1);
}

TEST_CASE("a put that the table cannot take is an error that says why") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(3, 2);
  table.Run("CREATE VIEW people AS SELECT * FROM user_features");
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());
  const auto unknown = Put(server, {"f0", "f7"}, {{"u1", {1, 1}}});
  CHECK(unknown.code() == grpc::INVALID_ARGUMENT);
  CHECK(unknown.message().find("'f7'") != std::string::npos);
  CHECK(unknown.message().find("'f0', 'f1'") != std::string::npos);

  PredictdProcess of_view({"--models=" + repository.path(), "--feature_source=" + table.source(),
                           "--feature_table=people"});
  REQUIRE(of_view.WaitUntilReady());
  const auto view = Put(of_view, {"f0"}, {{"u1", {1}}});
  CHECK(view.code() == grpc::FAILED_PRECONDITION);
  CHECK(view.message().find("view") != std::string::npos);
  CHECK(of_view.Metric(R"(predictd_feature_errors_total{kind="write",store="source"})") == 1);

  PredictdProcess without({"--models=" + repository.path()});
  REQUIRE(without.WaitUntilReady());
  const auto nowhere = Put(without, {"f0"}, {{"u1", {1}}});
  CHECK(nowhere.code() == grpc::FAILED_PRECONDITION);
  CHECK(nowhere.message().find("--feature_source") != std::string::npos);
  CHECK(Get(without, "u1").code() == grpc::FAILED_PRECONDITION);
}

TEST_CASE("only whom --admin allows may put features") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(3, 2);
  PredictdProcess server(
      {"--models=" + repository.path(), "--feature_source=" + table.source(), "--admin=off"});
  REQUIRE(server.WaitUntilReady());
  CHECK(Put(server, {"f0"}, {{"u1", {1}}}).code() == grpc::PERMISSION_DENIED);
  CHECK(Get(server, "u1").ok());
}

TEST_CASE("the client puts a file's good lines and says which are bad") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const TempFolder folder;
  const std::string database = folder.File("users.db");
  Sql(database, "CREATE TABLE user_features (user_id INTEGER PRIMARY KEY, f0 REAL, f1 INTEGER)");
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=sqlite:" + database});
  REQUIRE(server.WaitUntilReady());
  const std::string csv = folder.File("users.csv");
  {
    std::ofstream file(csv);
    file << "f1,id,f0\n";
    for (int i = 1; i <= 2000; ++i) file << i << ',' << i % 1500 << ',' << i << ".5\n";
    file << "1,2\n1,042,3\nx,7,1\n0.5,8,1\n,9,\n";
  }
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), PredictProgram());
    words.push_back("--server=" + server.grpc_address());
    return std::make_unique<ChildProcess>(words);
  };
  const auto put = run({"features", "put", csv, "--key=id"});
  CHECK(put->WaitForExit(kPatience) == 1);
  const std::string said = put->Stderr();
  INFO(said);
  for (const char* part : {"users.csv:2002: there are 2 cells", "users.csv:2003: the user id '042'",
                           "users.csv:2004: 'f1' is 'x'", "users.csv:2005: 'f1' is 0.5",
                           "2,001 of 2,005 rows written", "4 are bad"}) {
    INFO(part);
    CHECK(said.find(part) != std::string::npos);
  }
  // Of several lines of one user the last counts.
  CHECK(Sql(database, "SELECT count(*), sum(f0 IS NULL) FROM user_features") ==
        std::vector<SqlRow>{{"1500", "1"}});
  CHECK(Sql(database, "SELECT f0, f1 FROM user_features WHERE user_id = 400") ==
        std::vector<SqlRow>{{"1900.5", "1900"}});

  const auto get = run({"features", "get", "400"});
  CHECK(get->WaitForExit(kPatience) == 0);
  CHECK(get->Stdout().rfind("f0        1900.5\nf1        1900\n\nfeatures  database, ", 0) == 0);
  CHECK(run({"features", "get", "3000"})->WaitForExit(kPatience) == 1);
  CHECK(run({"features", "take", "1"})->WaitForExit(kPatience) == 2);
  CHECK(run({"features", "put", folder.File("none.csv")})->WaitForExit(kPatience) == 2);
}

}  // namespace
}  // namespace predictd::integration
