// Flags that are given and can have no effect beside the others: somebody expects what will not be.
#ifndef PREDICTD_SERVER_CONFIG_FLAG_USE_H_
#define PREDICTD_SERVER_CONFIG_FLAG_USE_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/config/config.h"

namespace predictd::config {

// Warnings, each of which names a flag and what it would need: what was meant for another way of
// running, in a file of flags shared by several, must not keep the server from starting.
// `on_command_line` has the flags that count as given even where they have their default value.
std::vector<std::string> FlagsWithoutEffect(const absl::flat_hash_set<std::string>& on_command_line,
                                            const Config& config);

}  // namespace predictd::config

#endif  // PREDICTD_SERVER_CONFIG_FLAG_USE_H_
