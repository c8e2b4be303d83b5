// Counts one request into metrics and, at debug level, writes its line into the log.
#ifndef PREDICTD_SERVER_RPC_REQUEST_RECORD_H_
#define PREDICTD_SERVER_RPC_REQUEST_RECORD_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/metrics.h"
#include "server/predict/request.h"
#include "server/rpc/service_state.h"

namespace predictd::rpc {

// From taking a request to answering it; loop's thread only.
class RequestRecord {
 public:
  RequestRecord(Method method, Loop& loop, Metrics& metrics, ServiceState& state);
  // Answered(...) must have been called.
  ~RequestRecord();
  RequestRecord(const RequestRecord&) = delete;
  RequestRecord& operator=(const RequestRecord&) = delete;

  // UNAVAILABLE where the server no longer takes calls.
  absl::Status Admit() const;

  // Returns `status`, for the caller to pass on. `times` may be null; never logs a user id.
  absl::Status Answered(absl::Status status, const predict::StageTimes* times = nullptr);

 private:
  const Method method_;
  Loop& loop_;
  Metrics& metrics_;
  ServiceState& state_;
  const absl::Time start_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_REQUEST_RECORD_H_
