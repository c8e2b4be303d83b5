// Errors are absl::Status up to the edge; what a status carries beside code and message.
#ifndef PREDICTD_SERVER_BASE_STATUS_H_
#define PREDICTD_SERVER_BASE_STATUS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

// Returns the status of `expression` from the enclosing function where it is not OK.
#define PREDICTD_RETURN_IF_ERROR(expression)                                \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

namespace predictd {

// The same error, with the advice to try again after `delay`: a google.rpc.RetryInfo at the edge.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

std::optional<absl::Duration> RetryDelay(const absl::Status& status);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_STATUS_H_
