#include "server/sql/published_schema.h"

#include <vector>

#include "absl/strings/str_join.h"
#include "server/base/log.h"

namespace predictd {
namespace {

// Names of `schema` that `other` has not.
std::string Missing(const Schema& schema, const Schema& other) {
  std::vector<absl::string_view> names;
  for (const std::string& name : schema.names()) {
    if (other.Find(name) < 0) names.push_back(name);
  }
  return absl::StrJoin(names, ",");
}

}  // namespace

std::shared_ptr<const Schema> PublishedSchema::Get() const {
  MutexLock lock(mutex_);
  return schema_;
}

std::shared_ptr<const Schema> PublishedSchema::Publish(std::shared_ptr<const Schema> schema) {
  std::shared_ptr<const Schema> before;
  {
    MutexLock lock(mutex_);
    if (schema_ != nullptr && schema_->fingerprint() == schema->fingerprint()) return schema_;
    before = std::move(schema_);
    schema_ = schema;
    generation_.fetch_add(1, std::memory_order_release);
  }
  if (before != nullptr) {
    Log(LogLevel::kInfo, "the feature table has other columns now",
        {{"table", table_},
         {"added", Missing(*schema, *before)},
         {"dropped", Missing(*before, *schema)},
         {"features", schema->size()}});
  }
  return schema;
}

}  // namespace predictd
