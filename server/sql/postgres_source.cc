#include "server/sql/postgres_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/sql/postgres_error.h"

namespace predictd {
namespace {

// The server may come, or the table be made, while predictd runs.
bool MayComeRight(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

// One line that names the flag.
absl::Status StartError(const absl::Status& status) {
  if (absl::StartsWith(status.message(), "--")) return status;
  return absl::Status(status.code(), absl::StrCat("--feature_source: ", status.message(),
                                                  PostgresConnectRemedy(status)));
}

}  // namespace

PostgresSource::PostgresSource(Options options, PostgresOptions address, Watcher& watcher,
                               const Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      watcher_(watcher),
      errors_(absl::StrCat("feature source '", address.shown(), "'"), clock, metrics),
      keeper_({.address = address,
               .table = {options_.table, options_.key_column, address.shown()},
               .timeout = options_.read_timeout,
               .look_interval = options_.look_interval}) {}

absl::StatusOr<std::unique_ptr<PostgresSource>> PostgresSource::Create(Options options,
                                                                       const Clock& clock,
                                                                       Watcher& watcher,
                                                                       Metrics& metrics) {
  auto address = PostgresOptions::Parse(options.uri);
  if (!address.ok()) return StartError(address.status());
  std::unique_ptr<PostgresSource> source(
      new PostgresSource(std::move(options), *std::move(address), watcher, clock, metrics));
  source->first_look_ = source->keeper_.Start();
  const absl::Status& status = source->first_look_.status;
  if (!MayComeRight(status)) return StartError(status);
  if (absl::IsFailedPrecondition(status)) {
    Log(LogLevel::kWarning, status.message());
  } else if (!status.ok()) {
    source->errors_.NotConnected(status);
  }
  return source;
}

void PostgresSource::AddLoop(Loop& loop, int connections) {
  pools_[&loop] =
      std::make_unique<PostgresPool>(loop, watcher_, keeper_, errors_, first_look_,
                                     PostgresPool::Options{connections, options_.read_timeout});
}

Task<absl::StatusOr<std::optional<FeatureRow>>> PostgresSource::Read(Loop& loop,
                                                                     std::string user_id,
                                                                     absl::Time deadline) {
  const absl::Time asked = loop.Now();
  if (deadline <= asked) {
    co_return absl::DeadlineExceededError("no time was left to read the feature source");
  }
  const absl::Time limit = std::min(deadline, asked + options_.read_timeout);
  PostgresRead read(*pools_.find(&loop)->second, loop, std::move(user_id), limit);
  PostgresRead::Outcome outcome = co_await read;
  if (outcome.ok()) {
    errors_.Worked();
    co_return std::move(outcome);
  }
  co_return errors_.Explain(outcome.status(), loop.Now() - asked,
                            limit == deadline && loop.Now() >= deadline);
}

int ConnectionsOfLoop(int total, int loops, int loop) {
  return std::max(1, total / loops + (loop < total % loops ? 1 : 0));
}

}  // namespace predictd
