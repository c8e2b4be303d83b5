#include "server/rpc/request_record.h"

#include "server/base/log.h"

namespace predictd::rpc {

RequestRecord::RequestRecord(Method method, Loop& loop, Metrics& metrics, ServiceState& state)
    : method_(method), loop_(loop), metrics_(metrics), state_(state), start_(loop.Now()) {
  metrics_.in_flight_requests.fetch_add(1, std::memory_order_relaxed);
}

RequestRecord::~RequestRecord() {
  metrics_.in_flight_requests.fetch_sub(1, std::memory_order_relaxed);
}

absl::Status RequestRecord::Admit() const {
  if (!state_.draining.load(std::memory_order_relaxed)) return absl::OkStatus();
  return absl::UnavailableError("shutting down");
}

absl::Status RequestRecord::Answered(absl::Status status, const predict::StageTimes* times) {
  // A request that is answered within the piece of work that took it: the loop's time stands still
  // in it.
  const absl::Time now = loop_.Now() > start_ ? loop_.Now() : loop_.clock().Now();
  const absl::Duration took = now - start_;
  metrics_.CountRequest(method_, status.code(), took);
  if (!LogEnabled(LogLevel::kDebug)) return status;
  if (times == nullptr) {
    Log(LogLevel::kDebug, "request",
        {{"method", MethodName(method_)},
         {"code", StatusCodeName(status.code())},
         {"took", took},
         {"error", status.message()}});
  } else {
    Log(LogLevel::kDebug, "request",
        {{"method", MethodName(method_)},
         {"code", StatusCodeName(status.code())},
         {"took", took},
         {"features", times->features},
         {"queue", times->queue},
         {"model", times->model},
         {"save", times->save}});
  }
  return status;
}

}  // namespace predictd::rpc
