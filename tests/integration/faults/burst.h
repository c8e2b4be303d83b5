// Calls that are sent when their time has come, whether or not earlier ones were answered.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_BURST_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_BURST_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::integration {

struct BurstOptions {
  int calls = 0;
  double per_second = 0;  // 0 = all at once
  std::function<void(int number, v1::PredictRequest& request)> request;
  absl::Duration deadline = absl::Seconds(30);
  // When the caller cancels, after sending; InfiniteDuration = never.
  std::function<absl::Duration(int number)> cancel_after = nullptr;
};

struct BurstCall {
  grpc::Status status;
  v1::PredictResponse response;
  absl::Duration took;
};

// Returns when every call has ended, in the order in which they were sent.
std::vector<BurstCall> RunBurst(v1::Predictor::Stub& stub, const BurstOptions& options);

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_BURST_H_
