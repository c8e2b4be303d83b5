// --feature_cache_encoding=hash: a Redis hash, one field per feature, its value decimal text.
//
// Made for rows that other programs write and people read. It carries no age.
#ifndef PREDICTD_SERVER_FEATURES_HASH_ENCODING_H_
#define PREDICTD_SERVER_FEATURES_HASH_ENCODING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/features/row_encoding.h"

namespace predictd::features {

// All of `text` as a finite number, nothing around it: "1", "-0.5", "3e-05"; not "+1", " 1", "inf",
// "0x1" nor "". What is too small for a float is 0, what is too large is no number.
std::optional<float> ParseFeature(absl::string_view text);

// HMGET of the schema's names; HDEL of the fields of missing features, HSET of the others, then
// PEXPIRE; HDEL of the schema's names, as others' fields may be beside them. A field that is not
// there is a missing feature, a hash without any of the fields is a miss, and so is one with a text
// that is no number.
class HashEncoding : public RowEncoding {
 public:
  std::vector<std::string> Fields(const Schema& schema) const override;
  Arguments ReadCommand(absl::string_view key, absl::Span<const std::string> fields) const override;
  CacheAnswer Decode(const redis::ReplyView& reply,
                     const std::shared_ptr<const Schema>& schema) const override;
  void WriteCommands(absl::string_view key, const FeatureRow& row, absl::Duration ttl,
                     Send send) const override;
  Arguments DropCommand(absl::string_view key, absl::Span<const std::string> fields) const override;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_HASH_ENCODING_H_
