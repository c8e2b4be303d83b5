// --concurrency and --batch_rows, which `predict batch` and `predict bench` share.
#ifndef PREDICTD_CLIENT_CONCURRENCY_H_
#define PREDICTD_CLIENT_CONCURRENCY_H_

#include "absl/status/statusor.h"

namespace predictd::client {

// Most calls in flight; `otherwise` where the flag is 0. INVALID_ARGUMENT where it is negative.
absl::StatusOr<int> ConcurrencyFromFlags(int otherwise);

// User ids per PredictBatch call, at least 1.
absl::StatusOr<int> BatchRowsFromFlags();

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_CONCURRENCY_H_
