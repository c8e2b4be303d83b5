// What tests look at in answers.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_ANSWERS_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_ANSWERS_H_

#include <grpcpp/grpcpp.h>

#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::integration {

inline std::vector<float> Outputs(const v1::PredictResponse& response) {
  return {response.outputs().begin(), response.outputs().end()};
}

// The caller is told when to come back: google.rpc.RetryInfo in grpc-status-details-bin, as clients
// of every language read it.
inline bool HasRetryInfo(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::RetryInfo retry;
  return details.ParseFromString(status.error_details()) &&
         details.code() == static_cast<int>(status.error_code()) && details.details_size() == 1 &&
         details.details(0).UnpackTo(&retry) &&
         retry.retry_delay().seconds() * 1e9 + retry.retry_delay().nanos() > 0;
}

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_ANSWERS_H_
