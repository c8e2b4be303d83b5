#include "server/features/reader.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace predictd::features {
namespace {

// The same schema, counted apart: the row of every request holds a reference, and loops that
// counted in one place would pass that cache line to and fro.
std::shared_ptr<const Schema> CountedApart(std::shared_ptr<const Schema> schema) {
  const Schema* const names = schema.get();
  auto holder = std::make_shared<std::shared_ptr<const Schema>>(std::move(schema));
  return {std::move(holder), names};
}

// `asked`: the wall clock when the caller came.
bool YoungEnough(absl::Time read_at, absl::Duration max_age, absl::Time asked) {
  return max_age == absl::InfiniteDuration() ||
         (read_at != absl::InfinitePast() && read_at >= asked - max_age);
}

absl::Status UnknownUser(absl::string_view user_id) {
  return absl::NotFoundError(absl::StrCat("user '", user_id, "' is unknown"));
}

}  // namespace

Reader::Reader(Loop& loop, Options options, LocalCache& local, SingleFlight& flights,
               SharedCache* cache, FeatureSource* source)
    : loop_(loop),
      options_(std::move(options)),
      local_(local),
      flights_(flights),
      cache_(cache),
      source_(source) {
  if (options_.schema != nullptr) schema_ = CountedApart(options_.schema);
}

const std::shared_ptr<const Schema>& Reader::CurrentSchema() {
  if (options_.schema == nullptr) {
    std::shared_ptr<const Schema> current = options_.current_schema();
    if (current != schema_) schema_ = CountedApart(std::move(current));
  }
  return schema_;
}

bool Reader::ReadLocal(absl::string_view user_id, absl::Duration max_age, FeatureRow* row) {
  if (max_age <= absl::ZeroDuration()) return false;
  const std::shared_ptr<const Schema>& schema = CurrentSchema();
  // Here, because the cache would do it under its lock.
  row->values.reserve(schema->size());
  if (!local_.Get(user_id, schema->fingerprint(), loop_.Now(), &row->values, &row->read_at)) {
    return false;
  }
  if (max_age != absl::InfiniteDuration() && !YoungEnough(row->read_at, max_age, WallNow())) {
    return false;
  }
  row->schema = schema;
  row->origin = FeatureOrigin::kLocalCache;
  return true;
}

Task<absl::StatusOr<FeatureRow>> Reader::Read(std::string user_id, absl::Duration max_age,
                                              absl::Time deadline) {
  FeatureRow local;
  if (ReadLocal(user_id, max_age, &local)) co_return local;
  // A source whose schema is not known yet says why.
  if (CurrentSchema()->size() == 0 && source_ == nullptr) {
    co_return absl::FailedPreconditionError("no feature names are known");
  }
  if (deadline <= loop_.Now()) {
    co_return absl::DeadlineExceededError("deadline passed before features were read");
  }

  const absl::Time asked = WallNow();
  if (max_age > absl::ZeroDuration()) {
    SingleFlight::Landing found = co_await Join(user_id, From::kAnywhere, deadline);
    if (!found.result.ok() || YoungEnough(found.result->read_at, max_age, asked)) {
      co_return std::move(found.result);
    }
  }
  if (source_ == nullptr) {
    co_return absl::FailedPreconditionError(
        absl::StrCat("no row of user '", user_id, "' is as new as max_feature_age asks for, and ",
                     "there is no --feature_source to read one from"));
  }
  SingleFlight::Landing newest = co_await Join(user_id, From::kNewest, deadline);
  // A read that began before this caller came may not show what the caller has just written.
  const bool answered = newest.result.ok() || absl::IsNotFound(newest.result.status());
  if (max_age <= absl::ZeroDuration() && !newest.started && answered) {
    newest = co_await Join(user_id, From::kNewest, deadline);
  }
  co_return std::move(newest.result);
}

Task<SingleFlight::Landing> Reader::Join(const std::string& user_id, From from,
                                         absl::Time deadline) {
  std::shared_ptr<const Schema> schema = CurrentSchema();
  // Reads with different outcomes are different flights. No user id holds the NUL.
  const absl::string_view kind = from == From::kNewest ? "newest" : "any";
  const std::string key = absl::StrCat(user_id, absl::string_view("\0", 1), kind,
                                       absl::Hex(schema->fingerprint(), absl::kZeroPad16));
  auto read = [&] { return ReadStores(user_id, schema, from); };
  auto joined = flights_.Join(loop_, scope_, key, deadline, read);
  SingleFlight::Landing landing = co_await joined;
  co_return landing;
}

Task<Reader::Result> Reader::ReadStores(std::string user_id, std::shared_ptr<const Schema> schema,
                                        From from) {
  bool may_fill = false;
  std::string cache_failure;
  if (cache_ != nullptr && from == From::kAnywhere && schema->size() > 0) {
    Task<CacheAnswer> reading = cache_->Read(user_id, schema);
    CacheAnswer answer = co_await std::move(reading);
    if (answer.status.ok()) {
      cache_outage_.Answered();
    } else {
      cache_failure = cache_outage_.Failed(answer.status, WallNow());
    }
    if (answer.row) {
      Keep(user_id, *answer.row);
      co_return *std::move(answer.row);
    }
    may_fill = answer.may_fill;
  }
  if (source_ == nullptr) {
    if (!cache_failure.empty()) co_return absl::UnavailableError(cache_failure);
    co_return UnknownUser(user_id);
  }

  Task<absl::StatusOr<std::optional<FeatureRow>>> reading =
      source_->Read(loop_, user_id, loop_.Now() + options_.source_timeout);
  absl::StatusOr<std::optional<FeatureRow>> read = co_await std::move(reading);
  if (!read.ok()) {
    const absl::string_view separator = cache_failure.empty() ? "" : "; ";
    co_return absl::UnavailableError(
        absl::StrCat(read.status().message(), separator, cache_failure));
  }
  if (!read->has_value()) {
    local_.Erase(user_id);
    co_return UnknownUser(user_id);
  }
  FeatureRow& row = **read;
  Keep(user_id, row);
  if (may_fill) {
    cache_->Fill(user_id, row);
  } else if (cache_ != nullptr && from == From::kNewest) {
    scope_.Spawn(FillUnseen(user_id, row));
  }
  co_return std::move(row);
}

void Reader::Keep(absl::string_view user_id, const FeatureRow& row) {
  local_.Put(user_id, row.schema->fingerprint(), row.values, row.read_at, loop_.Now());
}

// Looks at the key first: one of another type is never touched.
Task<void> Reader::FillUnseen(std::string user_id, FeatureRow row) {
  Task<CacheAnswer> reading = cache_->Read(user_id, row.schema);
  const CacheAnswer answer = co_await std::move(reading);
  if (answer.may_fill) cache_->Fill(user_id, row);
}

}  // namespace predictd::features
