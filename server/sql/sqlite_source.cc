#include "server/sql/sqlite_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/base/thread.h"
#include "server/sql/thread_request.h"

namespace predictd {
namespace {

// Most reads in one transaction: about a millisecond in which a writer may have to wait.
constexpr size_t kReadsPerTransaction = 256;

// At start there is no caller whose deadline counts.
constexpr absl::Duration kOpenTimeout = absl::Seconds(5);

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
      errors_(absl::StrCat("feature source '", options_.path, "'"), clock, metrics),
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
  NameThread("sqlite-source");
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
    co_return errors_.Explain(
        absl::ResourceExhaustedError(absl::StrCat(options_.max_queue, " reads wait for it")),
        absl::ZeroDuration(), false);
  }
  ThreadAnswer<absl::StatusOr<Row>> waiting(*request.release(), loop, limit);
  std::optional<absl::StatusOr<Row>> answer = co_await waiting;
  if (answer && answer->ok()) {
    errors_.Worked();
    co_return *std::move(answer);
  }
  const absl::Status error =
      answer ? answer->status() : absl::DeadlineExceededError("no answer in time");
  co_return errors_.Explain(error, loop.Now() - asked, limit == deadline);
}

}  // namespace predictd
