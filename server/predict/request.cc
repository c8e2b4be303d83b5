#include "server/predict/request.h"

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace predictd::predict {

absl::Status CallContext::Check(absl::Time now, absl::string_view not_done) const {
  // First the deadline: gRPC cancels what has expired.
  if (now >= deadline) {
    return absl::DeadlineExceededError(absl::StrCat("the deadline passed before ", not_done));
  }
  if (cancelled.load(std::memory_order_relaxed)) {
    return absl::CancelledError(absl::StrCat("the caller cancelled before ", not_done));
  }
  return absl::OkStatus();
}

void NoteGivenUp(Metrics& metrics, const absl::Status& status, Stage stage, int rows) {
  const bool deadline = absl::IsDeadlineExceeded(status);
  if (!deadline && !absl::IsCancelled(status)) return;
  if (stage != Stage::kSave) {
    metrics.CountRowsDropped(deadline ? DropReason::kDeadline : DropReason::kCancelled, stage,
                             rows);
  } else if (deadline) {
    metrics.CountDeadlinePassed(stage, rows);  // the model ran: no row was dropped
  }
  if (!LogEnabled(LogLevel::kDebug)) return;
  Log(LogLevel::kDebug, "request given up",
      {{"stage", StageName(stage)}, {"rows", rows}, {"reason", status.message()}});
}

}  // namespace predictd::predict
