// How a reader asks the stores, and keeps what they answered.
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/features/reader.h"

namespace predictd::features {
namespace {

// Clocks of two machines that are kept in step differ by less.
constexpr absl::Duration kClocksDiffer = absl::Seconds(1);

}  // namespace

Task<Reader::Result> Reader::AskStores(std::string user_id, std::shared_ptr<const Schema> schema,
                                       uint32_t generation, From from) {
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
      if (answer.row->read_at > WallNow() + kClocksDiffer) {
        answer.row->read_at = absl::InfinitePast();
      }
      Keep(user_id, generation, *answer.row);
      // What may not be filled, such as Feast's, is not renewed by the source either.
      if (source_ != nullptr && answer.may_fill && IsAgeing(*answer.row)) {
        scope_.Spawn(Refresh(user_id, From::kNewest));
      }
      co_return *std::move(answer.row);
    }
    may_fill = answer.may_fill;
  }
  if (source_ == nullptr) {
    if (!cache_failure.empty()) co_return absl::UnavailableError(cache_failure);
    KeepUnknown(user_id, generation, *schema);
    co_return UnknownUser(user_id);
  }

  Task<absl::StatusOr<std::optional<FeatureRow>>> reading = ReadSource(user_id);
  absl::StatusOr<std::optional<FeatureRow>> read = co_await std::move(reading);
  if (!read.ok()) {
    const absl::string_view separator = cache_failure.empty() ? "" : "; ";
    co_return absl::UnavailableError(
        absl::StrCat(read.status().message(), separator, cache_failure));
  }
  if (!cache_failure.empty() && options_.metrics != nullptr) {
    options_.metrics->CountDegraded(Degraded::kWithoutRedis);
  }
  if (!read->has_value()) {
    if (from == From::kNewest && cache_ != nullptr) {
      // Not remembered as unknown: Redis was not asked.
      local_.Erase(user_id);
      scope_.Spawn(DropIfGone(user_id));
    } else {
      KeepUnknown(user_id, generation, *schema);
    }
    co_return UnknownUser(user_id);
  }
  FeatureRow& row = **read;
  Keep(user_id, generation, row);
  if (may_fill) {
    Fill(user_id, generation, row);
  } else if (cache_ != nullptr && from == From::kNewest) {
    scope_.Spawn(FillUnseen(user_id, generation, row));
  }
  co_return std::move(row);
}

Task<absl::StatusOr<std::optional<FeatureRow>>> Reader::ReadSource(const std::string& user_id) {
  const absl::Time asked = loop_.Now();
  Breaker* const breaker = options_.breaker;
  if (breaker != nullptr) {
    absl::Status admitted = breaker->Admit(asked);
    if (!admitted.ok()) co_return admitted;
  }
  if (options_.metrics != nullptr) options_.metrics->source_reads.Increment();
  Task<absl::StatusOr<std::optional<FeatureRow>>> reading =
      source_->Read(loop_, user_id, asked + options_.source_timeout);
  absl::StatusOr<std::optional<FeatureRow>> read = co_await std::move(reading);
  if (breaker != nullptr) {
    const absl::Time now = loop_.Now();
    if (read.ok() || now < asked + options_.source_timeout) {
      breaker->Answered(now);
    } else {
      breaker->TimedOut(asked, now, read.status());
    }
  }
  co_return read;
}

void Reader::Keep(absl::string_view user_id, uint32_t generation, const FeatureRow& row) {
  local_.Put(user_id, row.schema->fingerprint(), generation, row.values, row.read_at, loop_.Now());
}

void Reader::KeepUnknown(absl::string_view user_id, uint32_t generation, const Schema& schema) {
  local_.PutUnknown(user_id, schema.fingerprint(), generation, loop_.Now());
}

bool Reader::IsAgeing(const FeatureRow& row) const {
  return options_.cache_ttl > absl::ZeroDuration() && row.read_at != absl::InfinitePast() &&
         WallNow() - row.read_at > options_.cache_ttl / 2;
}

// The row has been kept.
void Reader::Fill(absl::string_view user_id, uint32_t generation, const FeatureRow& row) {
  // The row was changed after it was read: Redis would keep the old one for long.
  if (local_.Generation(user_id) != generation) return;
  if (cache_->Fill(user_id, row)) local_.ExpectEcho(user_id);
}

// Looks at the key first: one of another type is never touched.
Task<void> Reader::FillUnseen(std::string user_id, uint32_t generation, FeatureRow row) {
  Task<CacheAnswer> reading = cache_->Read(user_id, row.schema);
  const CacheAnswer answer = co_await std::move(reading);
  if (answer.may_fill) Fill(user_id, generation, row);
}

Task<void> Reader::Refresh(std::string user_id, From from) {
  // Who asked has an answer already; what goes wrong is the stores' to count.
  Task<Result> reading = Join(user_id, from, absl::InfiniteFuture(), nullptr);
  (void)co_await std::move(reading);
}

bool Reader::MayDrop(const CacheAnswer& answer) const {
  return answer.row && answer.may_fill && options_.cache_ttl > absl::ZeroDuration();
}

// False: Redis could not be asked. Looks at the key first: what is not ours is never touched.
Task<bool> Reader::Drop(std::string user_id) {
  // Not CurrentSchema(): what may stand in for the source's columns need not be all of them.
  const std::shared_ptr<const Schema> schema = source_->schema();
  if (schema == nullptr) co_return true;
  Task<CacheAnswer> looking = cache_->Read(user_id, schema);
  const CacheAnswer present = co_await std::move(looking);
  if (!MayDrop(present)) co_return present.status.ok();
  cache_->Drop(user_id, *schema);
  // Redis answers in order: once this is answered the row is gone.
  Task<CacheAnswer> waiting = cache_->Read(user_id, schema);
  const CacheAnswer after = co_await std::move(waiting);
  // Whoever read the row before it went may have kept it.
  local_.Invalidate(user_id);
  co_return after.status.ok();
}

// The source does not know the user. A row without an age may be somebody else's, who knows.
Task<void> Reader::DropIfGone(std::string user_id) {
  Task<CacheAnswer> reading = cache_->Read(user_id, CurrentSchema());
  const CacheAnswer answer = co_await std::move(reading);
  if (!MayDrop(answer) || answer.row->read_at == absl::InfinitePast()) co_return;
  Task<bool> dropping = Drop(std::move(user_id));
  (void)co_await std::move(dropping);
}

Task<void> Reader::Changed(std::string user_id) {
  // First: what was read before the change is not written to Redis after the drop.
  local_.Invalidate(user_id);
  if (cache_ == nullptr || source_ == nullptr) co_return;
  Task<bool> dropping = Drop(user_id);
  const bool asked = co_await std::move(dropping);
  if (!asked) late_drops_.Add(std::move(user_id));
}

}  // namespace predictd::features
