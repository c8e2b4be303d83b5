// The cache that several servers share, as the reader sees it.
#ifndef PREDICTD_SERVER_FEATURES_SHARED_CACHE_H_
#define PREDICTD_SERVER_FEATURES_SHARED_CACHE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/async/task.h"
#include "server/base/feature_row.h"
#include "server/base/metrics.h"
#include "server/base/schema.h"

namespace predictd::features {

// What a cache had for a key. Without a row and with an OK status it was a miss.
struct CacheAnswer {
  std::optional<FeatureRow> row{};
  // Not OK: no answer, or a refusal: what the cache holds is not known.
  absl::Status status{};
  // Whether the key may be written: never one of a type that is not ours.
  bool may_fill = false;
  // What was wrong with the value that was found.
  std::optional<StoreError> error{};
  // The same for people: names the field or the rule, never the user or the value.
  std::string problem{};
};

// One loop's; that loop's thread only. Its failures are misses to the caller and are counted.
class SharedCache {
 public:
  virtual ~SharedCache() = default;

  // The row, of `schema`, with origin kRedis.
  virtual Task<CacheAnswer> Read(std::string user_id, std::shared_ptr<const Schema> schema) = 0;

  // Writes the row without waiting for the outcome. False: there was nothing to write, or nowhere.
  virtual bool Fill(absl::string_view user_id, const FeatureRow& row) = 0;

  // Takes the features of `schema` away without waiting for the outcome: a Read that begins
  // afterwards is answered after that. Only for what a Read has just found and may be filled.
  virtual void Drop(absl::string_view user_id, const Schema& schema) = 0;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_SHARED_CACHE_H_
