// Keys of Feast's Redis online store (https://docs.feast.dev/reference/online-stores/redis): the
// serialized entity key, version 3, then the project's name. All integers are little-endian uint32:
//
//   1                       number of join keys
//   2, length, bytes        the join key's name, a STRING
//   type, length, bytes     its value: text and bytes as they are, integers little-endian
//   bytes                   the project
#ifndef PREDICTD_SERVER_FEATURES_FEAST_KEY_H_
#define PREDICTD_SERVER_FEATURES_FEAST_KEY_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd::features {

// Numbers of feast.types.ValueType: those that a key may be of.
enum class FeastEntityType {
  kBytes = 1,
  kString = 2,
  kInt32 = 3,
  kInt64 = 4,
  kUnixTimestamp = 8,
};

// Of one entity with one join key. Constant; any thread.
class FeastKey {
 public:
  FeastKey(absl::string_view project, absl::string_view join_key, FeastEntityType type);

  // Nothing for an id that is no value of the type: of an integer only the canonical text is one.
  std::optional<std::string> Of(absl::string_view user_id) const;

  // The other way round; nothing for a key of another project, entity or type.
  std::optional<std::string> UserOf(absl::string_view key) const;

  // What all keys begin with: everything before the value's length.
  const std::string& head() const { return head_; }

 private:
  const std::string project_;
  const FeastEntityType type_;
  std::string head_;
};

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_FEAST_KEY_H_
