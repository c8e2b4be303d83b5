// PredictStream: many requests on one call.
#include <csignal>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

v1::PredictRequest Request(const std::string& user_id, const std::string& request_id) {
  v1::PredictRequest request;
  request.set_user_id(user_id);
  request.set_request_id(request_id);
  return request;
}

TEST_CASE("thousands of requests in flight on one stream are matched by their ids") {
  constexpr int kRequests = 20'000;
  constexpr int kUsers = 500;
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(kUsers, 2);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--local_cache_ttl=50ms"});
  REQUIRE(server.WaitUntilReady());
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = server.Stub().PredictStream(&context);
  std::jthread writer([&] {
    for (int i = 0; i < kRequests; ++i) {
      // Every tenth user is unknown: answered in-band, and the stream goes on.
      const std::string user = i % 10 == 9 ? "nobody" : absl::StrCat("u", i % kUsers);
      if (!stream->Write(Request(user, absl::StrCat(i)))) break;
    }
    stream->WritesDone();
  });
  std::set<std::string> answered;
  int wrong = 0;
  int errors = 0;
  v1::PredictResponse response;
  while (stream->Read(&response)) {
    const int i = std::stoi(response.request_id());
    wrong += answered.insert(response.request_id()).second ? 0 : 1;
    if (i % 10 == 9) {
      wrong += response.error().code() == grpc::NOT_FOUND && response.outputs().empty() ? 0 : 1;
      ++errors;
      continue;
    }
    const int user = i % kUsers;
    const bool right = !response.has_error() && response.outputs_size() == 2 &&
                       response.outputs(0) == FeatureTable::Distinct(user, 0) &&
                       response.outputs(1) == FeatureTable::Distinct(user, 1);
    wrong += right ? 0 : 1;
  }
  writer.join();
  const grpc::Status status = stream->Finish();
  INFO(status.error_message());
  // Half-closed: everything was answered, then the stream ended well.
  CHECK(status.ok());
  CHECK(answered.size() == kRequests);
  CHECK(errors == kRequests / 10);
  CHECK(wrong == 0);
  CHECK(server.Metric(R"(predictd_requests_total{method="PredictStream",code="OK"})") ==
        kRequests * 9 / 10);
  CHECK(server.Metric(R"(predictd_requests_total{method="PredictStream",code="NOT_FOUND"})") ==
        kRequests / 10);
  CHECK(server.Metric("predictd_in_flight_requests") == 0);
}

TEST_CASE("each failure on a stream is answered with its own error") {
  ModelRepository repository;
  repository.Add("m", 1, ThrowsBelowZero(1));
  const FeatureTable table(3, 1);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source()});
  REQUIRE(server.WaitUntilReady());
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = server.Stub().PredictStream(&context);
  std::map<std::string, v1::PredictRequest> requests;
  requests["good"] = Request("u1", "good");
  requests["empty"] = Request("", "empty");
  requests["unknown"] = Request("nobody", "unknown");
  requests["model"] = Request("u1", "model");
  requests["model"].set_model("n");
  requests["throws"] = Request("u1", "throws");
  (*requests["throws"].mutable_features())["f0"] = -1;
  std::map<std::string, int> codes;
  // One at a time: an error ends nothing.
  for (const auto& [id, request] : requests) {
    REQUIRE(stream->Write(request));
    v1::PredictResponse response;
    REQUIRE(stream->Read(&response));
    CHECK(response.request_id() == id);
    codes[id] = response.error().code();
    CHECK(response.has_error() == (id != "good"));
  }
  const std::map<std::string, int> expected = {{"good", grpc::OK},
                                               {"empty", grpc::INVALID_ARGUMENT},
                                               {"unknown", grpc::NOT_FOUND},
                                               {"model", grpc::NOT_FOUND},
                                               {"throws", grpc::INTERNAL}};
  CHECK(codes == expected);
  stream->WritesDone();
  v1::PredictResponse none;
  CHECK_FALSE(stream->Read(&none));
  CHECK(stream->Finish().ok());
}

TEST_CASE("a stream that its caller cancels leaves nothing behind") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = server.Stub().PredictStream(&context);
    for (int i = 0; i < 50 * round; ++i) {
      v1::PredictRequest request = Request("u", absl::StrCat(i));
      (*request.mutable_features())["f0"] = 1;
      if (!stream->Write(request)) break;
    }
    context.TryCancel();
    v1::PredictResponse response;
    while (stream->Read(&response)) {
    }
    CHECK(stream->Finish().error_code() == grpc::CANCELLED);
  }
  CHECK(WaitUntil([&] { return server.Metric("predictd_in_flight_requests") == 0; }));
  CHECK(server.Predict("u", {{"f0", 1}}).ok());
}

TEST_CASE(
    "streams that are open and idle are ended by a drain, so that it does not wait for them") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  PredictdProcess server({"--models=" + repository.path(), "--drain_timeout=600s"});
  REQUIRE(server.WaitUntilReady());
  const auto channel = server.NewChannel();
  const auto stub = v1::Predictor::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(context, absl::Minutes(5));
  const auto stream = stub->PredictStream(&context);
  v1::PredictRequest request = Request("u", "1");
  (*request.mutable_features())["f0"] = 1;
  REQUIRE(stream->Write(request));
  v1::PredictResponse response;
  REQUIRE(stream->Read(&response));
  server.Kill(SIGTERM);
  CHECK_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK(status.error_message() == "shutting down");
  CHECK(server.WaitForExit() == 0);
}

}  // namespace
}  // namespace predictd::integration
