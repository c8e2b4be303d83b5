#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/concurrency.h"

ABSL_FLAG(int, concurrency, 0,
          "Most calls in flight; 0 = 4 for batch, 64 for bench, 10000 for bench with --rate");
ABSL_FLAG(int, batch_rows, 1000, "User ids per PredictBatch call, in batch and bench");

namespace predictd::client {

absl::StatusOr<int> ConcurrencyFromFlags(int otherwise) {
  const int calls = absl::GetFlag(FLAGS_concurrency);
  if (calls < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--concurrency=", calls, " must be 0 (a fitting number) or above"));
  }
  return calls == 0 ? otherwise : calls;
}

absl::StatusOr<int> BatchRowsFromFlags() {
  const int rows = absl::GetFlag(FLAGS_batch_rows);
  if (rows < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--batch_rows=", rows, " must be 1 or above, such as 1000"));
  }
  return rows;
}

}  // namespace predictd::client
