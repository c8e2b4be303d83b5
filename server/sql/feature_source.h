// Where rows come from when no cache has them: a database table with one row per user.
#ifndef PREDICTD_SERVER_SQL_FEATURE_SOURCE_H_
#define PREDICTD_SERVER_SQL_FEATURE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/feature_row.h"
#include "server/base/schema.h"

namespace predictd {

// Shared by all loops; Read is called on the loop it is given and resumes there.
class FeatureSource {
 public:
  virtual ~FeatureSource() = default;

  // The feature columns in order, as they are now: they may change while the source is read. Null
  // while they are not known: the store has not been reached yet, or the table is still to be made.
  // Any thread; takes a lock, so who asks for each request looks at the generation first.
  virtual std::shared_ptr<const Schema> schema() const = 0;

  // Another number for every new schema; 0 exactly while there is none. Any thread; one load.
  virtual uint64_t schema_generation() const = 0;

  // The user's row with origin kSource, of the schema it was read with, or nothing for an unknown
  // user. A user id matches only the canonical text of the key ("042" is not 42). DEADLINE_EXCEEDED
  // where the answer has not come by `deadline` (of the loop's clock); UNAVAILABLE where the store
  // cannot answer, the message says why.
  virtual Task<absl::StatusOr<std::optional<FeatureRow>>> Read(Loop& loop, std::string user_id,
                                                               absl::Time deadline) = 0;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_FEATURE_SOURCE_H_
