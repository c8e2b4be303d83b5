// Names of the features in a stored row, in their order.
#ifndef PREDICTD_SERVER_BASE_SCHEMA_H_
#define PREDICTD_SERVER_BASE_SCHEMA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace predictd {

// Constant after construction; any thread.
class Schema {
 public:
  // Names in source column order. Names are distinct.
  explicit Schema(std::vector<std::string> names);

  const std::vector<std::string>& names() const { return names_; }
  size_t size() const { return names_.size(); }

  // Each name as a JSON string, with its quotes.
  const std::vector<std::string>& json_names() const { return json_names_; }

  // FNV-1a 64 over the names joined by '\n'
  // (http://www.isthe.com/chongo/tech/comp/fnv/: offset basis 14695981039346656037, prime
  // 1099511628211). Two schemas are the same exactly when their fingerprints are.
  uint64_t fingerprint() const { return fingerprint_; }

  // Position of a name, or -1.
  int Find(absl::string_view name) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::string> json_names_;
  uint64_t fingerprint_;
  absl::flat_hash_map<std::string, int> positions_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_SCHEMA_H_
