// The real predictd, run as a child process of the test.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_PREDICTD_PROCESS_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_PREDICTD_PROCESS_H_

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "predictd/v1/predictor.grpc.pb.h"
#include "tests/integration/harness/child_process.h"
#include "tests/integration/harness/http_get.h"
#include "tests/integration/harness/metrics_text.h"
#include "tests/integration/harness/wait_until.h"

namespace predictd::integration {

template <typename Response>
struct Answer {
  grpc::Status status;
  Response response;

  bool ok() const { return status.ok(); }
  grpc::StatusCode code() const { return status.error_code(); }
  std::string message() const { return status.error_message(); }
};

// A run of predictd with exactly these flags, for command lines that it does not take.
std::unique_ptr<ChildProcess> StartPredictd(const std::vector<std::string>& flags);

// The command-line client's path.
std::string PredictProgram();

// What came of a run of predictd that ends by itself.
struct Exited {
  std::optional<int> status;  // nullopt = it did not end within the limit and was killed
  std::string out;
  std::string err;
};
Exited RunPredictd(const std::vector<std::string>& flags, absl::Duration limit = kPatience);

// One thread starts and destroys it; calls and questions may come from any thread. The destructor
// sends SIGTERM, and fails the test unless the server then exits with 0 in time, or the test itself
// has killed it.
class PredictdProcess {
 public:
  // Adds --listen and --http_listen with free ports of 127.0.0.1 unless given, and with a feature
  // source a time-out that a busy machine does not reach; waits until it listens; throws, with its
  // log, where it does not.
  explicit PredictdProcess(std::vector<std::string> flags, ChildProcess::Options options = {});
  ~PredictdProcess();

  // The first that it listens on, as gRPC takes it: 127.0.0.1:PORT or unix:/PATH.
  const std::string& grpc_address() const { return grpc_addresses_.front(); }
  const std::vector<std::string>& grpc_addresses() const { return grpc_addresses_; }
  const std::string& http_address() const { return http_address_; }  // empty when off
  pid_t pid() const { return process_.pid(); }

  // A connection of its own to the first address.
  std::shared_ptr<grpc::Channel> NewChannel() const;
  // On one connection that all share.
  v1::Predictor::StubInterface& Stub() const { return *stub_; }
  grpc::health::v1::Health::StubInterface& HealthStub() const { return *health_stub_; }

  // Calls on Stub(), with a deadline of kPatience.
  Answer<v1::PredictResponse> Predict(const std::string& user_id,
                                      const std::map<std::string, float>& features = {},
                                      const std::string& model = "");
  Answer<v1::PredictResponse> Predict(const v1::PredictRequest& request);
  Answer<v1::GetPredictionResponse> GetPrediction(const std::string& prediction_id);
  Answer<v1::ListModelsResponse> ListModels();
  // An empty version is the newest (LoadModel) or all of them (UnloadModel).
  Answer<v1::LoadModelResponse> LoadModel(const std::string& model,
                                          const std::string& version = "");
  Answer<v1::UnloadModelResponse> UnloadModel(const std::string& model,
                                              const std::string& version = "");
  // The state of one version; UNSPECIFIED where ListModels does not have it.
  v1::ModelVersion ModelVersion(const std::string& model, int version);
  bool WaitForState(const std::string& model, int version, v1::ModelState state,
                    absl::Duration limit = kPatience);

  // True once /readyz says 200 (health where HTTP is off).
  bool WaitUntilReady(absl::Duration limit = kPatience);

  void Kill(int signal) { process_.Kill(signal); }
  // What the test has done to it may end it with this status rather than 0.
  void ExpectExit(int status) { expected_status_ = status; }
  std::optional<int> WaitForExit(absl::Duration limit = kPatience) {
    return process_.WaitForExit(limit);
  }

  // What it has written to stderr so far.
  std::string Log() const { return process_.Stderr(); }
  std::string Stdout() const { return process_.Stdout(); }

  HttpAnswer HttpGet(const std::string& path, const std::string& method = "GET") const {
    return integration::HttpGet(http_address_, path, method);
  }
  MetricsText Metrics() const { return MetricsText(HttpGet("/metrics").body); }
  // Such as `predictd_requests_total{code="OK",method="Predict"}`; throws where there is no such
  // series.
  double Metric(absl::string_view series) const;
  bool WaitForMetric(absl::string_view series, double at_least,
                     absl::Duration limit = kPatience) const;

  double CpuSeconds() const { return process_.CpuSeconds(); }
  double RssBytes() const { return process_.RssBytes(); }
  double PeakRssBytes() const { return process_.PeakRssBytes(); }

 private:
  bool ReadAddresses();

  ChildProcess process_;
  int expected_status_ = 0;
  std::vector<std::string> grpc_addresses_;
  std::string http_address_;
  std::unique_ptr<v1::Predictor::Stub> stub_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_stub_;
};

// A client's context with a deadline, kPatience from now where not said otherwise.
void SetDeadline(grpc::ClientContext& context, absl::Duration limit = kPatience);

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_PREDICTD_PROCESS_H_
