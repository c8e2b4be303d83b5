// Models that leave sizes besides the batch open: every request is run by itself.
#include <atomic>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/catch.h"
#include "tests/integration/inference/client.h"

namespace predictd::integration {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

// Outputs `sum` of each row, `ahead`: the row with its number in the run added, and `inverse` of
// the sum.
ModelSpec Ragged() {
  return TensorModel(
      "def forward(self, t):\n"
      "    return (t.sum(1), t + torch.arange(t.size(0)).unsqueeze(1), 1.0 / t.sum(1))\n",
      {{"t", "INT64", {-1, -1}}},
      {{"sum", "INT64", {-1}}, {"ahead", "INT64", {-1, -1}}, {"inverse", "FP32", {-1}}});
}

// Counts on from `first`.
ModelInferRequest RowsOfT(int rows, int length, int64_t first) {
  ModelInferRequest request;
  request.set_model_name("m");
  AddInput(request, "t", "INT64", {rows, length});
  std::vector<int64_t> elements(static_cast<size_t>(rows) * length);
  std::iota(elements.begin(), elements.end(), first);
  request.add_raw_input_contents(Bytes<int64_t>(elements));
  return request;
}

// Of one row: what it must be answered.
bool IsAnswered(const ModelInferResponse& response, int length, int64_t first) {
  std::vector<int64_t> row(length);
  std::iota(row.begin(), row.end(), first);
  const int64_t sum = std::accumulate(row.begin(), row.end(), int64_t{0});
  return response.raw_output_contents_size() == 3 &&
         Elements<int64_t>(response.raw_output_contents(0)) == std::vector<int64_t>{sum} &&
         Elements<int64_t>(response.raw_output_contents(1)) == row;
}

TEST_CASE("requests of many lengths at once are each answered with their own") {
  ModelRepository repository;
  repository.Add("m", 1, Ragged());
  PredictdProcess server({"--models=" + repository.path(), "--workers=1"});
  REQUIRE(server.WaitUntilReady());
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      InferenceClient client(server);
      for (int i = 0; i < 100; ++i) {
        const int length = 1 + (thread + i) % 9;
        const auto answer = client.Infer(RowsOfT(1, length, 1000 * thread + i + 1));
        wrong += !answer.ok() || !IsAnswered(answer.response, length, 1000 * thread + i + 1);
      }
    });
  }
  threads.clear();  // joins
  CHECK(wrong == 0);
}

TEST_CASE("a request of more rows than a run takes is run in pieces and put together again") {
  ModelRepository repository;
  repository.Add("m", 1, Ragged());
  PredictdProcess server({"--models=" + repository.path(), "--max_batch=2"});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  const auto answer = client.Infer(RowsOfT(5, 2, 0));
  INFO(answer.message());
  REQUIRE(answer.ok());
  REQUIRE(answer.response.outputs_size() == 3);
  CHECK(answer.response.outputs(1).shape(0) == 5);
  CHECK(answer.response.outputs(1).shape(1) == 2);
  CHECK(Elements<int64_t>(answer.response.raw_output_contents(0)) ==
        std::vector<int64_t>{1, 5, 9, 13, 17});
  // Each piece counts its own rows.
  CHECK(Elements<int64_t>(answer.response.raw_output_contents(1)) ==
        std::vector<int64_t>{0, 1, 3, 4, 4, 5, 7, 8, 8, 9});
}

TEST_CASE("rows of no size are refused") {
  ModelRepository repository;
  repository.Add("m", 1, Ragged());
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  ModelInferRequest request = RowsOfT(1, 0, 0);
  request.mutable_inputs(0)->set_shape(0, std::numeric_limits<int32_t>::max());
  CHECK(client.Infer(request).code() == grpc::INVALID_ARGUMENT);
}

TEST_CASE("a request whose answer grows too large is the caller's mistake, not the model's") {
  ModelRepository repository;
  repository.Add("m", 1,
                 TensorModel("def forward(self, t):\n    return (t.expand(t.size(0), 1 << 20),)\n",
                             {{"t", "INT64", {-1, -1}}}, {{"wide", "INT64", {-1, -1}}}));
  PredictdProcess server({"--models=" + repository.path(), "--max_batch=1", "--max_message_mb=1"});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  const auto refused = client.Infer(RowsOfT(1000, 1, 0));
  CHECK(refused.code() == grpc::INVALID_ARGUMENT);
  CHECK(refused.message() ==
        "inputs: the answer to 3 rows takes 25165824 bytes, the limit is 16777216; send fewer rows "
        "at once");
}

TEST_CASE("an infinite output fails the request, and the server goes on") {
  ModelRepository repository;
  repository.Add("m", 1, Ragged());
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  const auto infinite = client.Infer(RowsOfT(1, 1, 0));
  CHECK(infinite.code() == grpc::INTERNAL);
  CHECK(infinite.message() == "model 'm' version 1: gave NaN or infinity in output 'inverse'");
  CHECK(client.Infer(RowsOfT(1, 1, 1)).ok());
}

}  // namespace
}  // namespace predictd::integration
