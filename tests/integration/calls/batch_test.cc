// PredictBatch: many users, one call.
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

Answer<v1::PredictBatchResponse> AskBatch(PredictdProcess& server,
                                          const v1::PredictBatchRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  Answer<v1::PredictBatchResponse> answer;
  answer.status = server.Stub().PredictBatch(&context, request, &answer.response);
  return answer;
}

TEST_CASE("a batch is answered row by row in the order of its users") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(3000, 2);
  const TempFolder folder;
  // The queue is far smaller than the batch, which is fed in pieces.
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--save_to=sqlite:" + folder.File("p.db"), "--max_queue=64"});
  REQUIRE(server.WaitUntilReady());
  v1::PredictBatchRequest request;
  for (int i = 0; i < 3000; ++i) request.add_user_ids(absl::StrCat("u", (i * 7) % 3000));
  const auto answer = AskBatch(server, request);
  INFO(answer.message());
  REQUIRE(answer.ok());
  const v1::PredictBatchResponse& response = answer.response;
  CHECK(response.model() == "m");
  CHECK(response.version() == "1");
  CHECK(response.errors().empty());
  CHECK(response.outputs_per_row() == 2);
  REQUIRE(response.outputs_size() == 6000);
  int wrong = 0;
  for (int i = 0; i < 3000; ++i) {
    for (int f = 0; f < 2; ++f) {
      wrong += response.outputs(2 * i + f) != FeatureTable::Distinct((i * 7) % 3000, f);
    }
  }
  CHECK(wrong == 0);
  REQUIRE(response.prediction_ids_size() == 3000);
  const std::set<std::string> distinct(response.prediction_ids().begin(),
                                       response.prediction_ids().end());
  CHECK(distinct.size() == 3000);
}

TEST_CASE("rows that fail are listed, and the others are answered") {
  ModelRepository repository;
  repository.Add("m", 1, ThrowsBelowZero(1));
  const FeatureTable table(5, 1);
  table.Run("INSERT INTO user_features VALUES ('poison', -1), ('empty', NULL)");
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());
  v1::PredictBatchRequest request;
  for (const std::string& user :
       {std::string("u1"), std::string("nobody"), std::string("poison"), std::string(),
        std::string("u2"), std::string("empty"), std::string(513, 'x'), std::string("u1")}) {
    request.add_user_ids(user);
  }
  const auto answer = AskBatch(server, request);
  INFO(answer.message());
  REQUIRE(answer.ok());
  const v1::PredictBatchResponse& response = answer.response;
  REQUIRE(response.outputs_size() == 8);
  CHECK(response.outputs(0) == 10);
  CHECK(response.outputs(4) == 20);
  CHECK(response.outputs(7) == 10);
  CHECK(response.prediction_ids().empty());
  std::map<uint32_t, int> codes;
  for (const v1::RowError& error : response.errors()) {
    codes[error.row()] = error.status().code();
    CHECK(std::isnan(response.outputs(static_cast<int>(error.row()))));
    CHECK(error.status().message() != "");
  }
  const std::map<uint32_t, int> expected = {{1, grpc::NOT_FOUND},
                                            {2, grpc::INTERNAL},
                                            {3, grpc::INVALID_ARGUMENT},
                                            {5, grpc::FAILED_PRECONDITION},
                                            {6, grpc::INVALID_ARGUMENT}};
  CHECK(codes == expected);
}

TEST_CASE("what concerns the whole batch fails the call") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  const FeatureTable table(5, 1);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());
  v1::PredictBatchRequest request;
  const auto empty = AskBatch(server, request);
  INFO(empty.message());
  CHECK(empty.ok());
  CHECK(empty.response.outputs().empty());
  request.add_user_ids("u1");
  request.set_model("n");
  CHECK(AskBatch(server, request).code() == grpc::NOT_FOUND);
  request.set_model("m");
  request.set_version("2");
  CHECK(AskBatch(server, request).code() == grpc::NOT_FOUND);
  request.set_version("1");
  CHECK(AskBatch(server, request).ok());
}

}  // namespace
}  // namespace predictd::integration
