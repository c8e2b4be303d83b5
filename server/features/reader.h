// A user id comes in, the user's row goes out: in-process cache, Redis, source.
#ifndef PREDICTD_SERVER_FEATURES_READER_H_
#define PREDICTD_SERVER_FEATURES_READER_H_

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/base/feature_row.h"
#include "server/base/metrics.h"
#include "server/base/schema.h"
#include "server/features/breaker.h"
#include "server/features/late_drops.h"
#include "server/features/local_cache.h"
#include "server/features/outage.h"
#include "server/features/recent_best.h"
#include "server/features/shared_cache.h"
#include "server/features/single_flight.h"
#include "server/sql/feature_source.h"

namespace predictd::features {

// Rows of many users as far as the in-process cache has them; used again, it keeps its memory.
struct LocalRows {
  std::shared_ptr<const Schema> schema;
  std::vector<LocalCache::Look> looks;  // one per user, in order
  std::vector<float> values;            // what `looks` point to, row after row
};

// One per loop, that loop's thread only. All that it is given outlives it.
//
// Redis being down, slow or full of garbage is never an error to the caller while the source
// answers. The age of a row is measured at the moment the caller asks. A row found in Redis or in
// the source is kept in the in-process cache; one found in the source is written to Redis as well,
// without the caller waiting for it. A row in the second half of its life, in the process or as
// this server wrote it to Redis, still serves while it is read anew in the background, so that no
// caller waits when it ends. Unknown users are remembered for a moment. A row of Redis that was
// read more than a second from now, by a clock that is ahead, is of unknown age.
class Reader {
 public:
  struct Options {
    // What rows are made of: fixed, or, where this is null, as `current_schema` says. Rows of
    // another schema are then misses.
    std::shared_ptr<const Schema> schema = nullptr;
    // Called on the loop for each read, so it is quick; never returns null. The reference is good
    // until the next call.
    std::function<const std::shared_ptr<const Schema>&()> current_schema = nullptr;
    // Longest wait for one answer of the source. It does not depend on a caller's deadline, because
    // callers share reads.
    absl::Duration source_timeout = absl::Seconds(1);
    // Expiry of what is written to Redis: a row found there in the second half of it is read anew
    // from the source, in the background. 0 = never; nor is anything dropped there.
    absl::Duration cache_ttl = absl::ZeroDuration();
    // The source's, shared by all loops; null = every read is asked.
    Breaker* breaker = nullptr;
    // Where reads of the source are counted; null = nowhere.
    Metrics* metrics = nullptr;
  };

  // `cache` and `source` are null where there is none.
  Reader(Loop& loop, Options options, LocalCache& local, SingleFlight& flights, SharedCache* cache,
         FeatureSource* source);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The row in the in-process cache, if it is there and not older than `max_age`, without a wait.
  // kUnknown: nobody knew the user a moment ago. kMiss: ReadStores may still find one; `row` holds
  // nothing of use then.
  Found ReadLocal(absl::string_view user_id, absl::Duration max_age, FeatureRow* row);
  // The same for many at once.
  void ReadLocal(absl::Span<const absl::string_view> user_ids, absl::Duration max_age,
                 LocalRows* rows);

  // For a user of whom ReadLocal says kMiss: the row, at most `max_age` old: InfiniteDuration takes
  // any, 0 reads the source. A row of unknown age is too old for any finite `max_age`. `user_id`
  // holds no NUL and outlives the task. `deadline` is of the loop's clock; InfiniteFuture = none.
  //
  // NOT_FOUND: nobody knows the user. UNAVAILABLE: neither Redis nor the source could be asked; the
  // message says which, since when (the source's own message does for the source).
  // DEADLINE_EXCEEDED: no row by `deadline`, or so little time left that none of the reads of the
  // last second would have made it: then none is started. FAILED_PRECONDITION: the row is too old
  // and there is no source to read a newer one from; or no features are known.
  Task<absl::StatusOr<FeatureRow>> ReadStores(absl::string_view user_id, absl::Duration max_age,
                                              absl::Time deadline);

  // ReadLocal, and where need be ReadStores.
  Task<absl::StatusOr<FeatureRow>> Read(absl::string_view user_id, absl::Duration max_age,
                                        absl::Time deadline);

  // The user's row in the source was written to: the copies in the process and in Redis go. Where
  // Redis cannot be asked, the one there goes once it can.
  Task<void> Changed(std::string user_id);

  // Awaitable, by one at a time: resumes when no read is under way. To be awaited, after the last
  // Read, before this is destroyed: a read goes on after its callers have gone.
  auto Done() {
    late_drops_.Close();
    return scope_.Done();
  }

 private:
  using Result = SingleFlight::Result;
  // kNewest leaves out the caches.
  enum class From { kAnywhere, kNewest };

  const std::shared_ptr<const Schema>& CurrentSchema();
  // Joins the flight for the user's row. `started`, where given, becomes true where this began it.
  Task<Result> Join(absl::string_view user_id, From from, absl::Time deadline, bool* started);
  Task<Result> ReadNewest(absl::string_view user_id, bool begun_after_now, absl::Time deadline);
  Task<Result> ReadYoung(absl::string_view user_id, absl::Duration max_age, absl::Time deadline);
  Task<absl::StatusOr<std::optional<FeatureRow>>> ReadSource(const std::string& user_id);
  // The flight.
  Task<Result> AskStores(std::string user_id, std::shared_ptr<const Schema> schema,
                         uint32_t generation, From from);
  void Keep(absl::string_view user_id, uint32_t generation, const FeatureRow& row);
  void KeepUnknown(absl::string_view user_id, uint32_t generation, const Schema& schema);
  static absl::Status UnknownUser(absl::string_view user_id);
  // In the second half of its life in Redis.
  bool IsAgeing(const FeatureRow& row) const;
  Task<void> Refresh(std::string user_id, From from);
  void Fill(absl::string_view user_id, uint32_t generation, const FeatureRow& row);
  Task<void> FillUnseen(std::string user_id, uint32_t generation, FeatureRow row);
  bool MayDrop(const CacheAnswer& answer) const;
  Task<bool> Drop(std::string user_id);
  Task<void> DropIfGone(std::string user_id);
  absl::Time WallNow() const { return loop_.WallNow(); }

  Loop& loop_;
  const Options options_;
  LocalCache& local_;
  SingleFlight& flights_;
  SharedCache* const cache_;
  FeatureSource* const source_;

  std::shared_ptr<const Schema> schema_;
  Outage cache_outage_{"redis"};
  // By From.
  std::array<RecentBest, 2> shortest_reads_;
  // Last but for what starts tasks in it: these use the others.
  Scope scope_;
  LateDrops late_drops_{loop_, scope_, [this](std::string id) { return Drop(std::move(id)); }};
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_READER_H_
