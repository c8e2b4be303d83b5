#include "server/features/reader.h"

#include <cstring>
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

// Reads with different outcomes are different flights: whoever comes after the user's row was
// changed does not join one that began before. No user id holds the NUL.
std::string FlightKey(absl::string_view user_id, bool newest, uint64_t fingerprint,
                      uint32_t generation) {
  // Both in eight bytes, spread by an odd number (the golden ratio): short keys need no allocation.
  const uint64_t epoch = fingerprint ^ (generation * 0x9e3779b97f4a7c15);
  char kind[2 + sizeof(epoch)] = {'\0', newest ? 'n' : 'a'};
  std::memcpy(kind + 2, &epoch, sizeof(epoch));
  return absl::StrCat(user_id, absl::string_view(kind, sizeof(kind)));
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

Task<Reader::Result> Reader::Read(absl::string_view user_id, absl::Duration max_age,
                                  absl::Time deadline) {
  FeatureRow row;
  const Found found = ReadLocal(user_id, max_age, &row);
  if (found == Found::kRow) co_return row;
  if (found == Found::kUnknown) co_return UnknownUser(user_id);
  Task<Result> reading = ReadStores(user_id, max_age, deadline);
  co_return co_await std::move(reading);
}

Task<Reader::Result> Reader::ReadStores(absl::string_view user_id, absl::Duration max_age,
                                        absl::Time deadline) {
  // Nearly always; a coroutine around it would cost each request one more frame.
  if (max_age == absl::InfiniteDuration()) {
    return Join(user_id, From::kAnywhere, deadline, nullptr);
  }
  return ReadYoung(user_id, max_age, deadline);
}

Task<Reader::Result> Reader::ReadYoung(absl::string_view user_id, absl::Duration max_age,
                                       absl::Time deadline) {
  const absl::Time asked = WallNow();
  if (max_age > absl::ZeroDuration()) {
    Task<Result> reading = Join(user_id, From::kAnywhere, deadline, nullptr);
    Result found = co_await std::move(reading);
    if (!found.ok() || YoungEnough(found->read_at, max_age, asked)) co_return found;
  }
  if (source_ == nullptr) {
    co_return absl::FailedPreconditionError(
        absl::StrCat("no row of user '", user_id, "' is as new as max_feature_age asks for, and ",
                     "there is no --feature_source to read one from"));
  }
  Task<Result> reading = ReadNewest(user_id, max_age <= absl::ZeroDuration(), deadline);
  co_return co_await std::move(reading);
}

Task<Reader::Result> Reader::ReadNewest(absl::string_view user_id, bool begun_after_now,
                                        absl::Time deadline) {
  bool started = false;
  Task<Result> reading = Join(user_id, From::kNewest, deadline, &started);
  Result newest = co_await std::move(reading);
  // A read that began before this caller came may not show what the caller has just written.
  const bool answered = newest.ok() || absl::IsNotFound(newest.status());
  if (begun_after_now && !started && answered) {
    Task<Result> again = Join(user_id, From::kNewest, deadline, nullptr);
    newest = co_await std::move(again);
  }
  co_return newest;
}

Task<Reader::Result> Reader::Join(absl::string_view user_id, From from, absl::Time deadline,
                                  bool* started) {
  const absl::Time start = loop_.Now();
  RecentBest& shortest = shortest_reads_[static_cast<int>(from)];
  // A caller without a deadline needs no look.
  if (deadline != absl::InfiniteFuture()) {
    if (deadline <= start) {
      co_return absl::DeadlineExceededError("deadline passed before features were read");
    }
    if (const absl::Duration least = shortest.Get(start); deadline - start < least) {
      co_return absl::DeadlineExceededError(absl::StrCat(
          "features were not read: the deadline leaves ", absl::FormatDuration(deadline - start),
          ", and a read takes at least ", absl::FormatDuration(least)));
    }
  }
  std::shared_ptr<const Schema> schema = CurrentSchema();
  // A source whose schema is not known yet says why.
  if (schema->size() == 0 && source_ == nullptr) {
    co_return absl::FailedPreconditionError("no feature names are known");
  }
  const uint32_t generation = local_.Generation(user_id);
  const std::string key =
      FlightKey(user_id, from == From::kNewest, schema->fingerprint(), generation);
  auto read = [&] { return AskStores(std::string(user_id), schema, generation, from); };
  auto joined = flights_.Join(loop_, scope_, key, deadline, read);
  SingleFlight::Landing landing = co_await joined;
  if (landing.started && (landing.result.ok() || absl::IsNotFound(landing.result.status()))) {
    const absl::Time now = loop_.Now();
    shortest.Note(now - start, now);
  }
  if (started != nullptr) *started = landing.started;
  co_return std::move(landing.result);
}

}  // namespace predictd::features
