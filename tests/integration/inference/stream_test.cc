// ModelStreamInfer: many requests on one call.
#include <csignal>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/inference/client.h"

namespace predictd::integration {
namespace {

using inference::ModelInferRequest;
using inference::ModelStreamInferResponse;

TEST_CASE("a stream answers every request by its id, failed ones in-band") {
  constexpr int kRequests = 5000;
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = client.stub().ModelStreamInfer(&context);
  std::jthread writer([&] {
    for (int i = 0; i < kRequests; ++i) {
      ModelInferRequest request = RowsOfX("m", 1, {static_cast<float>(i)});
      request.set_id(absl::StrCat(i));
      (*request.mutable_parameters())["triton_enable_empty_final_response"].set_bool_param(true);
      if (i % 10 == 9) request.mutable_inputs(0)->set_name("wrong");
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });
  std::set<std::string> answered;
  int errors = 0;
  int wrong = 0;
  ModelStreamInferResponse response;
  while (stream->Read(&response)) {
    const inference::ModelInferResponse& infer = response.infer_response();
    const int i = std::stoi(infer.id());
    bool right = answered.insert(infer.id()).second && infer.model_name() == "m" &&
                 infer.parameters().at("triton_final_response").bool_param();
    if (i % 10 == 9) {
      ++errors;
      right &=
          response.error_message().find("'wrong'") != std::string::npos && infer.outputs().empty();
    } else {
      right &= response.error_message().empty() && infer.raw_output_contents_size() == 1 &&
               Elements<float>(infer.raw_output_contents(0))[0] == static_cast<float>(i);
    }
    wrong += right ? 0 : 1;
  }
  writer.join();
  const grpc::Status status = stream->Finish();
  INFO(status.error_message());
  CHECK(status.ok());
  CHECK(answered.size() == kRequests);
  CHECK(errors == kRequests / 10);
  CHECK(wrong == 0);
  CHECK(server.Metric(R"(predictd_requests_total{method="ModelStreamInfer",code="OK"})") ==
        kRequests * 9 / 10);
  CHECK(server.Metric("predictd_in_flight_requests") == 0);
}

TEST_CASE("an open stream is ended by a drain") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(1));
  PredictdProcess server({"--models=" + repository.path(), "--drain_timeout=600s"});
  REQUIRE(server.WaitUntilReady());
  InferenceClient client(server);
  grpc::ClientContext context;
  SetDeadline(context, absl::Minutes(5));
  const auto stream = client.stub().ModelStreamInfer(&context);
  REQUIRE(stream->Write(RowsOfX("m", 1, {1})));
  ModelStreamInferResponse response;
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
