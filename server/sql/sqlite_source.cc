#include "server/sql/sqlite_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"
#include "server/sql/thread_request.h"

namespace predictd {
namespace {

// Most reads in one transaction: about a millisecond in which a writer may have to wait.
constexpr size_t kReadsPerTransaction = 256;

// At start there is no caller whose deadline counts.
constexpr absl::Duration kOpenTimeout = absl::Seconds(5);

std::string Describe(absl::string_view path) { return absl::StrCat("feature source '", path, "'"); }

}  // namespace

class SqliteSource::Request : public ThreadRequest<absl::StatusOr<Row>> {
 public:
  Request(Loop& loop, std::string id, absl::Time limit)
      : ThreadRequest(loop), user_id(std::move(id)), deadline(limit) {}

  const std::string user_id;
  const absl::Time deadline;
};

SqliteSource::SqliteSource(Options options, const Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      state_(Describe(options_.path), clock),
      mailbox_(options_.max_queue) {}

absl::StatusOr<std::unique_ptr<SqliteSource>> SqliteSource::Create(Options options,
                                                                   const Clock& clock,
                                                                   Metrics& metrics) {
  std::unique_ptr<SqliteSource> source(new SqliteSource(std::move(options), clock, metrics));
  const Options& given = source->options_;
  auto reader = SqliteRowReader::Open({given.path, given.table, given.key_column},
                                      clock.Now() + kOpenTimeout, clock);
  PREDICTD_RETURN_IF_ERROR(reader.status());
  source->reader_ = *std::move(reader);
  source->thread_ = std::thread([self = source.get()] { self->Run(); });
  return source;
}

SqliteSource::~SqliteSource() {
  mailbox_.Close();
  if (thread_.joinable()) thread_.join();
}

void SqliteSource::Run() {
  std::vector<Request*> requests;
  while (mailbox_.TakeAll(requests)) {
    size_t done = 0;
    while (done < requests.size()) {
      const size_t end = std::min(requests.size(), done + kReadsPerTransaction);
      reader_->Begin();
      for (; done < end; ++done) Answer(*requests[done]);
      reader_->End();
    }
    requests.clear();
  }
}

void SqliteSource::Answer(Request& request) {
  // Behind a locked file many a request's time has passed when its turn comes.
  if (request.abandoned() || clock_.Now() >= request.deadline) {
    request.Finish(absl::DeadlineExceededError("the read had to wait for others until then"));
    return;
  }
  request.Finish(reader_->Read(request.user_id, request.deadline));
}

Task<absl::StatusOr<std::optional<FeatureRow>>> SqliteSource::Read(Loop& loop, std::string user_id,
                                                                   absl::Time deadline) {
  const absl::Time asked = loop.Now();
  if (deadline <= asked) {
    co_return absl::DeadlineExceededError("no time was left to read the feature source");
  }
  const absl::Time limit = std::min(deadline, asked + options_.read_timeout);
  auto request = std::make_unique<Request>(loop, std::move(user_id), limit);
  if (!mailbox_.Push(request.get())) {
    co_return Explain(
        absl::ResourceExhaustedError(absl::StrCat(options_.max_queue, " reads wait for it")),
        absl::ZeroDuration(), false);
  }
  ThreadAnswer<absl::StatusOr<Row>> waiting(*request.release(), loop, limit);
  std::optional<absl::StatusOr<Row>> answer = co_await waiting;
  if (answer && answer->ok()) {
    state_.Worked();
    co_return *std::move(answer);
  }
  const absl::Status error =
      answer ? answer->status() : absl::DeadlineExceededError("no answer in time");
  co_return Explain(error, loop.Now() - asked, limit == deadline);
}

absl::Status SqliteSource::Explain(const absl::Status& error, absl::Duration waited,
                                   bool caller_out_of_time) {
  const bool timed_out =
      absl::IsDeadlineExceeded(error) || absl::IsAborted(error) || absl::IsResourceExhausted(error);
  metrics_.CountStoreError(Store::kSource, timed_out                    ? StoreError::kTimeout
                                           : absl::IsUnavailable(error) ? StoreError::kUnreachable
                                                                        : StoreError::kError);
  const absl::Time since =
      timed_out ? state_.TimedOut(error.message(), waited) : state_.Failed(error.message());
  const std::string message = absl::StrCat(
      Describe(options_.path), " has not answered since ",
      absl::FormatTime(absl::RFC3339_sec, since, absl::UTCTimeZone()), ": ", error.message());
  if (absl::IsDeadlineExceeded(error) && caller_out_of_time) {
    return absl::DeadlineExceededError(message);
  }
  return absl::UnavailableError(message);
}

}  // namespace predictd
