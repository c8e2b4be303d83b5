#include "client/batch_csv.h"

#include <cmath>

#include "tests/catch.h"

namespace predictd::client {
namespace {

v1::ListModelsResponse Models() {
  v1::ListModelsResponse models;
  auto* version = models.add_models();
  version->set_model("churn");
  version->set_version("3");
  auto* tensor = version->mutable_signature()->add_outputs();
  tensor->set_name("score");
  tensor->add_shape(-1);
  tensor->add_shape(2);
  return models;
}

BatchCall Call(const std::vector<std::string>& users, const std::vector<float>& outputs) {
  BatchCall call;
  for (const auto& user : users) call.request.add_user_ids(user);
  for (const float output : outputs) call.reply.add_outputs(output);
  call.reply.set_outputs_per_row(2);
  call.reply.set_model("churn");
  call.reply.set_version("3");
  return call;
}

void AddError(BatchCall& call, int row, int code, const std::string& message) {
  auto* error = call.reply.add_errors();
  error->set_row(row);
  error->mutable_status()->set_code(code);
  error->mutable_status()->set_message(message);
}

TEST_CASE("every user gets a line in order") {
  const BatchCall call = Call({"a", "b,c"}, {0.5, 1, -2, 0.25});
  BatchCsv csv(Models(), call.reply);
  CHECK(csv.Header() == "user_id,score[0],score[1],error\n");
  CHECK(csv.Rows(call) == "a,0.5,1,\n\"b,c\",-2,0.25,\n");
  CHECK(csv.failed_rows() == 0);
  CHECK(csv.versions() == std::vector<std::string>{"churn/3"});
}

TEST_CASE("a failed row has its error and no outputs") {
  BatchCall call = Call({"a", "b"}, {NAN, NAN, -2, 0.25});
  AddError(call, 0, 5, "no user 'a', sorry");
  call.reply.add_prediction_ids("");
  call.reply.add_prediction_ids("id-b");
  BatchCsv csv(Models(), call.reply);
  CHECK(csv.Header() == "user_id,score[0],score[1],prediction_id,error\n");
  CHECK(csv.Rows(call) == "a,,,,\"NOT_FOUND: no user 'a', sorry\"\nb,-2,0.25,id-b,\n");
  CHECK(csv.failed_rows() == 1);
  CHECK(csv.first_error() == "NOT_FOUND: no user 'a', sorry");
}

TEST_CASE("a call that failed as a whole fails each of its rows") {
  const BatchCall good = Call({"a"}, {0.5, 1});
  BatchCsv csv(Models(), good.reply);
  BatchCall bad;
  bad.request.add_user_ids("b");
  bad.request.add_user_ids("c");
  bad.status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  CHECK(csv.Rows(bad) ==
        "b,,,DEADLINE_EXCEEDED: Deadline Exceeded\nc,,,DEADLINE_EXCEEDED: Deadline Exceeded\n");
  CHECK(csv.failed_rows() == 2);
}

TEST_CASE("a version with other outputs fails its rows rather than shift columns") {
  const BatchCall first = Call({"a"}, {0.5, 1});
  BatchCsv csv(Models(), first.reply);
  BatchCall other = Call({"b"}, {0.5, 1, 2});
  other.reply.set_outputs_per_row(3);
  other.reply.set_version("4");
  CHECK(csv.Rows(other) == "b,,,\"version 4 gives 3 outputs, not 2; run again for these users\"\n");
}

TEST_CASE("columns are known from the signature where no row of the first call is good") {
  BatchCall call = Call({"a"}, {});
  call.reply.set_outputs_per_row(0);
  AddError(call, 0, 5, "no user 'a'");
  BatchCsv csv(Models(), call.reply);
  CHECK(csv.Header() == "user_id,score[0],score[1],error\n");
  CHECK(csv.Rows(call) == "a,,,NOT_FOUND: no user 'a'\n");
}

}  // namespace
}  // namespace predictd::client
