// Flags that are given and can have no effect beside the others: somebody expects what will not be.
#ifndef PREDICTD_SERVER_CONFIG_FLAG_USE_H_
#define PREDICTD_SERVER_CONFIG_FLAG_USE_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "server/config/config.h"

namespace predictd::config {

// `on_command_line` has the flags that count as given even where they have their default value.
// INVALID_ARGUMENT names a flag without effect and what it would need; where the contract allows
// it, it becomes a warning of `config` instead.
absl::Status CheckFlagUse(const absl::flat_hash_set<std::string>& on_command_line, Config& config);

}  // namespace predictd::config

#endif  // PREDICTD_SERVER_CONFIG_FLAG_USE_H_
