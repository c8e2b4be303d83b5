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

absl::Status Reader::UnknownUser(absl::string_view user_id) {
  return absl::NotFoundError(absl::StrCat("user '", user_id, "' is unknown"));
}

const std::shared_ptr<const Schema>& Reader::CurrentSchema() {
  if (options_.schema == nullptr) {
    const std::shared_ptr<const Schema>& current = options_.current_schema();
    if (current != schema_) schema_ = CountedApart(current);
  }
  return schema_;
}

Found Reader::ReadLocal(absl::string_view user_id, absl::Duration max_age, FeatureRow* row) {
  if (max_age <= absl::ZeroDuration()) return Found::kMiss;
  // Held: a refresh may find another one current, which says nothing of these values.
  row->schema = CurrentSchema();
  // Here, because the cache would do it under its lock.
  row->values.reserve(row->schema->size());
  bool refresh = false;
  const Found found = local_.Get(user_id, row->schema->fingerprint(), loop_.Now(), &row->values,
                                 &row->read_at, &refresh);
  if (refresh) scope_.Spawn(Refresh(std::string(user_id), From::kAnywhere));
  if (max_age != absl::InfiniteDuration() &&
      (found != Found::kRow || !YoungEnough(row->read_at, max_age, WallNow()))) {
    return Found::kMiss;
  }
  if (found != Found::kRow) return found;
  row->origin = FeatureOrigin::kLocalCache;
  return Found::kRow;
}

void Reader::ReadLocal(absl::Span<const absl::string_view> user_ids, absl::Duration max_age,
                       LocalRows* rows) {
  rows->schema = CurrentSchema();
  const size_t size = rows->schema->size();
  rows->values.resize(user_ids.size() * size);
  rows->looks.resize(user_ids.size());
  for (size_t i = 0; i < user_ids.size(); ++i) {
    rows->looks[i] = {.user_id = user_ids[i], .values = rows->values.data() + i * size};
  }
  if (max_age <= absl::ZeroDuration()) return;
  local_.GetMany(absl::MakeSpan(rows->looks), rows->schema->fingerprint(), size, loop_.Now());
  for (LocalCache::Look& look : rows->looks) {
    if (look.refresh) scope_.Spawn(Refresh(std::string(look.user_id), From::kAnywhere));
    if (max_age == absl::InfiniteDuration()) continue;
    if (look.found != Found::kRow ||
        !YoungEnough(LocalCache::ReadAt(look.read_at), max_age, WallNow())) {
      look.found = Found::kMiss;
    }
  }
}

Task<absl::StatusOr<FeatureRow>> Reader::Read(std::string user_id, absl::Duration max_age,
                                              absl::Time deadline) {
  FeatureRow local;
  const Found found_locally = ReadLocal(user_id, max_age, &local);
  if (found_locally == Found::kRow) co_return local;
  if (found_locally == Found::kUnknown) co_return UnknownUser(user_id);
  // A source whose schema is not known yet says why.
  if (CurrentSchema()->size() == 0 && source_ == nullptr) {
    co_return absl::FailedPreconditionError("no feature names are known");
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
  Task<Result> reading = ReadNewest(user_id, max_age <= absl::ZeroDuration(), deadline);
  Result newest = co_await std::move(reading);
  co_return newest;
}

Task<Reader::Result> Reader::ReadNewest(const std::string& user_id, bool begun_after_now,
                                        absl::Time deadline) {
  SingleFlight::Landing newest = co_await Join(user_id, From::kNewest, deadline);
  // A read that began before this caller came may not show what the caller has just written.
  const bool answered = newest.result.ok() || absl::IsNotFound(newest.result.status());
  if (begun_after_now && !newest.started && answered) {
    newest = co_await Join(user_id, From::kNewest, deadline);
  }
  co_return std::move(newest.result);
}

Task<SingleFlight::Landing> Reader::Join(const std::string& user_id, From from,
                                         absl::Time deadline) {
  const absl::Time start = loop_.Now();
  RecentBest& shortest = shortest_reads_[static_cast<int>(from)];
  // A caller without a deadline needs no look.
  if (deadline != absl::InfiniteFuture()) {
    if (deadline <= start) {
      co_return SingleFlight::Landing{
          absl::DeadlineExceededError("deadline passed before features were read")};
    }
    if (const absl::Duration least = shortest.Get(start); deadline - start < least) {
      co_return SingleFlight::Landing{absl::DeadlineExceededError(absl::StrCat(
          "features were not read: the deadline leaves ", absl::FormatDuration(deadline - start),
          ", and a read takes at least ", absl::FormatDuration(least)))};
    }
  }
  std::shared_ptr<const Schema> schema = CurrentSchema();
  // Reads with different outcomes are different flights. No user id holds the NUL.
  const absl::string_view kind = from == From::kNewest ? "newest" : "any";
  const std::string key = absl::StrCat(user_id, absl::string_view("\0", 1), kind,
                                       absl::Hex(schema->fingerprint(), absl::kZeroPad16));
  auto read = [&] { return ReadStores(user_id, schema, from); };
  auto joined = flights_.Join(loop_, scope_, key, deadline, read);
  SingleFlight::Landing landing = co_await joined;
  if (landing.started && (landing.result.ok() || absl::IsNotFound(landing.result.status()))) {
    const absl::Time now = loop_.Now();
    shortest.Note(now - start, now);
  }
  co_return landing;
}

}  // namespace predictd::features
