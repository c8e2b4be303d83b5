#include "server/sql/source_errors.h"

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace predictd {
namespace {

// Between two lines of the log about rows: a view may fail for many of them.
constexpr absl::Duration kBetweenLines = absl::Minutes(1);

bool TimedOut(const absl::Status& error) {
  return absl::IsDeadlineExceeded(error) || absl::IsAborted(error) ||
         absl::IsResourceExhausted(error);
}

StoreError KindOf(const absl::Status& error) {
  if (TimedOut(error)) return StoreError::kTimeout;
  switch (error.code()) {
    case absl::StatusCode::kUnavailable:
      return StoreError::kUnreachable;
    case absl::StatusCode::kPermissionDenied:
      return StoreError::kRefused;
    case absl::StatusCode::kDataLoss:
      return StoreError::kGarbage;
    default:
      return StoreError::kError;
  }
}

}  // namespace

void SourceErrors::NotConnected(const absl::Status& error) {
  metrics_.CountStoreError(Store::kSource, KindOf(error));
  state_.Failed(error.message());
}

absl::Status SourceErrors::Explain(const absl::Status& error, absl::Duration waited,
                                   bool caller_out_of_time) {
  metrics_.CountStoreError(Store::kSource, KindOf(error));
  // There is no table yet: the source is well, and the message says what to do.
  if (absl::IsFailedPrecondition(error)) return absl::UnavailableError(error.message());
  if (absl::IsInternal(error)) return ExplainRow(error);
  const absl::Time since =
      TimedOut(error) ? state_.TimedOut(error.message(), waited) : state_.Failed(error.message());
  const std::string message = absl::StrCat(
      source_, " has not answered since ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", since, absl::UTCTimeZone()), ": ", error.message());
  if (absl::IsDeadlineExceeded(error) && caller_out_of_time) {
    return absl::DeadlineExceededError(message);
  }
  return absl::UnavailableError(message);
}

absl::Status SourceErrors::ExplainRow(const absl::Status& error) {
  const absl::Time now = clock_.Now();
  bool say = false;
  {
    MutexLock lock(mutex_);
    say = now - last_line_ >= kBetweenLines;
    if (say) last_line_ = now;
  }
  if (say) {
    Log(LogLevel::kWarning, absl::StrCat(source_, " fails for a row"),
        {{"error", error.message()}});
  }
  return absl::UnavailableError(absl::StrCat(source_, " failed for this row: ", error.message()));
}

}  // namespace predictd
