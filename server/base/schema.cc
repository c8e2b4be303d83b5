#include "server/base/schema.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "server/base/fnv1a.h"
#include "server/base/json.h"

namespace predictd {

Schema::Schema(std::vector<std::string> names)
    : names_(std::move(names)), fingerprint_(Fnv1a64(absl::StrJoin(names_, "\n"))) {
  for (size_t i = 0; i < names_.size(); ++i) {
    positions_.emplace(names_[i], static_cast<int>(i));
    AppendJsonString(names_[i], json_names_.emplace_back());
  }
}

int Schema::Find(absl::string_view name) const {
  const auto it = positions_.find(name);
  return it == positions_.end() ? -1 : it->second;
}

}  // namespace predictd
