// --feature_cache_encoding=packed: a string of fixed layout, all of it little-endian:
//
//   8 bytes  fingerprint of the schema
//   8 bytes  Unix milliseconds of when the row was read from its source; whoever reads a row takes
//            one of more than a second from now for one of unknown age
//   4 bytes  float32 per feature, in the schema's order; NaN = missing
#ifndef PREDICTD_SERVER_FEATURES_PACKED_ENCODING_H_
#define PREDICTD_SERVER_FEATURES_PACKED_ENCODING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/features/row_encoding.h"

namespace predictd::features {

// The value itself.
std::string PackRow(const FeatureRow& row);
// Nothing for a value of another length or fingerprint, or with an infinite feature.
std::optional<FeatureRow> UnpackRow(absl::string_view value,
                                    const std::shared_ptr<const Schema>& schema);

// GET; SET with PX; DEL.
class PackedEncoding : public RowEncoding {
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

#endif  // PREDICTD_SERVER_FEATURES_PACKED_ENCODING_H_
