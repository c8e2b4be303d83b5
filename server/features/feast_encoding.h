// --feature_cache_encoding=feast: rows of a Feast feature view in its Redis online store.
//
// A Redis hash per entity. The field of a feature is the 4 bytes, little-endian, of the murmur3 of
// "VIEW:FEATURE", its value a feast.types.Value; the field "_ts:VIEW" holds when the view's row was
// made. Feast fills the store; this only reads it.
#ifndef PREDICTD_SERVER_FEATURES_FEAST_ENCODING_H_
#define PREDICTD_SERVER_FEATURES_FEAST_ENCODING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/features/feast_key.h"
#include "server/features/row_encoding.h"

namespace predictd::features {

// One HMGET per row; writes nothing. A feature that is null, was never written or that a float
// cannot hold is missing. A hash with nothing of the view is a miss; so is, as garbage, one with a
// feature that is no number or a time that is none. A row is as old as its view says.
class FeastEncoding : public RowEncoding {
 public:
  struct Options {
    std::string project;
    std::string entity_key;  // the name of the join key
    FeastEntityType entity_type = FeastEntityType::kString;
    std::string view;
  };

  explicit FeastEncoding(Options options);

  // The prefix has no part in Feast's keys.
  std::optional<std::string> Key(absl::string_view prefix,
                                 absl::string_view user_id) const override;
  std::optional<std::string> UserOf(absl::string_view prefix, absl::string_view key) const override;
  std::string KeyHead(absl::string_view prefix) const override;

  std::vector<std::string> Fields(const Schema& schema) const override;
  Arguments ReadCommand(absl::string_view key, absl::Span<const std::string> fields) const override;
  CacheAnswer Decode(const redis::ReplyView& reply,
                     const std::shared_ptr<const Schema>& schema) const override;
  void WriteCommands(absl::string_view key, const FeatureRow& row, absl::Duration ttl,
                     Send send) const override;
  Arguments DropCommand(absl::string_view key, absl::Span<const std::string> fields) const override;

 private:
  const FeastKey key_;
  const std::string view_;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_FEAST_ENCODING_H_
