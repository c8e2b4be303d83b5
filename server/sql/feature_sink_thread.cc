#include "server/sql/feature_sink_thread.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/sql/thread_request.h"

namespace predictd {
namespace {

// Between two tries to get into a full queue, by who has the time.
constexpr absl::Duration kQueuePause = absl::Milliseconds(100);

// As the callers are told: what of it they, or the operator, can change.
absl::Status Explain(const absl::Status& status) {
  const std::string message = absl::StrCat("the features could not be written: ", status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return status;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kNotFound:
      return absl::FailedPreconditionError(message);
    default:
      return absl::UnavailableError(message);
  }
}

}  // namespace

class FeatureSinkThread::Request : public ThreadRequest<absl::StatusOr<Statuses>> {
 public:
  Request(Loop& loop, std::vector<std::string> given_names, std::vector<FeatureRecord> given_rows,
          absl::Time limit)
      : ThreadRequest(loop),
        names(std::move(given_names)),
        rows(std::move(given_rows)),
        deadline(limit) {}
  // Nothing to write: waits for its turn.
  explicit Request(Loop& loop) : ThreadRequest(loop), writes(false) {}

  const bool writes = true;
  const std::vector<std::string> names;
  const std::vector<FeatureRecord> rows;
  const absl::Time deadline = absl::InfiniteFuture();
};

FeatureSinkThread::FeatureSinkThread(std::unique_ptr<FeatureSink> sink, const Clock& clock,
                                     Metrics& metrics, size_t max_queue)
    : sink_(std::move(sink)),
      clock_(clock),
      metrics_(metrics),
      mailbox_(max_queue),
      thread_([this] { Run(); }) {}

FeatureSinkThread::~FeatureSinkThread() {
  mailbox_.Close();
  thread_.join();
}

void FeatureSinkThread::Run() {
  NameThread("feature-sink");
  std::vector<Request*> requests;
  while (mailbox_.TakeAll(requests)) {
    for (Request* request : requests) request->Finish(WriteNow(*request));
    requests.clear();
  }
}

absl::StatusOr<std::vector<absl::Status>> FeatureSinkThread::WriteNow(const Request& request) {
  if (!request.writes) return Statuses();
  // A caller whose time has passed was told so: nothing is written for it.
  if (request.abandoned() || clock_.Now() >= request.deadline) {
    return absl::DeadlineExceededError("the write had to wait for others until then");
  }
  auto statuses = sink_->Write(request.names, request.rows);
  Note(statuses.status());
  if (!statuses.ok()) return Explain(statuses.status());
  return statuses;
}

void FeatureSinkThread::Note(const absl::Status& status) {
  // Wrong names are the caller's affair.
  if (absl::IsInvalidArgument(status)) return;
  if (!status.ok()) metrics_.CountStoreError(Store::kSource, StoreError::kWrite);
  const bool was_failing = std::exchange(failing_, !status.ok());
  if (failing_ && !was_failing) {
    Log(LogLevel::kWarning, "features cannot be written", {{"error", status.message()}});
  } else if (was_failing && !failing_) {
    Log(LogLevel::kInfo, "features are written again");
  }
}

Task<absl::StatusOr<std::vector<absl::Status>>> FeatureSinkThread::Write(
    Loop& loop, std::vector<std::string> names, std::vector<FeatureRecord> rows,
    absl::Time deadline) {
  if (deadline <= loop.Now()) {
    co_return absl::DeadlineExceededError("no time was left to write the features");
  }
  auto request = std::make_unique<Request>(loop, std::move(names), std::move(rows), deadline);
  if (!mailbox_.Push(request.get())) {
    metrics_.CountStoreError(Store::kSource, StoreError::kWrite);
    co_return absl::ResourceExhaustedError("too many writes of features wait for the store");
  }
  ThreadAnswer<absl::StatusOr<Statuses>> waiting(*request.release(), loop, deadline);
  std::optional<absl::StatusOr<Statuses>> answer = co_await waiting;
  if (answer) co_return *std::move(answer);
  co_return absl::DeadlineExceededError(
      "the features were not written in time; they may be written yet");
}

Task<void> FeatureSinkThread::Settled(Loop& loop) {
  auto request = std::make_unique<Request>(loop);
  while (!mailbox_.Push(request.get())) co_await loop.Sleep(kQueuePause);
  ThreadAnswer<absl::StatusOr<Statuses>> waiting(*request.release(), loop, absl::InfiniteFuture());
  (void)co_await waiting;
}

}  // namespace predictd
