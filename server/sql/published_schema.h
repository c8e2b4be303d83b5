// The schema of a table that may change while it is read.
#ifndef PREDICTD_SERVER_SQL_PUBLISHED_SCHEMA_H_
#define PREDICTD_SERVER_SQL_PUBLISHED_SCHEMA_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/base/schema.h"

namespace predictd {

// Any thread.
class PublishedSchema {
 public:
  // `table` as the log shows it.
  explicit PublishedSchema(std::string table) : table_(std::move(table)) {}

  // Null before the first Publish.
  std::shared_ptr<const Schema> Get() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Changes with every new schema; 0 exactly while there is none. One load.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // Returns the one that is published now: the one before where it has the same names. A change is
  // said in the log, with the columns that came and went.
  std::shared_ptr<const Schema> Publish(std::shared_ptr<const Schema> schema)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string table_;
  std::atomic<uint64_t> generation_{0};
  mutable Mutex mutex_;
  std::shared_ptr<const Schema> schema_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_PUBLISHED_SCHEMA_H_
