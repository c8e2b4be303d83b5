// The groups of flags, each defined and read in a file of its own, and what reading them takes.
#ifndef PREDICTD_SERVER_CONFIG_FLAG_GROUPS_H_
#define PREDICTD_SERVER_CONFIG_FLAG_GROUPS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/config/config.h"

namespace predictd::config {

// Fill in their group's part of `config`, in this order. INVALID_ARGUMENT names the flag and the
// remedy.
absl::Status ReadServing(Config& config);
absl::Status ReadModels(Config& config);
absl::Status ReadFeatures(Config& config);
absl::Status ReadSaving(Config& config);

// INVALID_ARGUMENT of a flag.
absl::Status Invalid(absl::string_view flag, absl::string_view problem);
absl::Status CheckRange(absl::string_view flag, int value, int least, int most);
// Finite and not negative.
absl::Status CheckDuration(absl::string_view flag, absl::Duration value, bool may_be_zero);
// Elements between commas; none where the text is empty.
absl::Status ReadList(absl::string_view flag, absl::string_view text,
                      std::vector<std::string>& elements);

template <typename Value>
struct Choice {
  absl::string_view name;
  Value value;
};

// The one of `choices` whose name is given.
template <typename Value>
absl::Status Choose(absl::string_view flag, absl::string_view given,
                    const std::vector<Choice<Value>>& choices, Value& chosen) {
  for (const Choice<Value>& choice : choices) {
    if (choice.name != given) continue;
    chosen = choice.value;
    return absl::OkStatus();
  }
  return Invalid(flag,
                 absl::StrCat("'", given, "' is unknown; use one of ",
                              absl::StrJoin(choices, ", ", [](std::string* out, const auto& c) {
                                absl::StrAppend(out, c.name);
                              })));
}

}  // namespace predictd::config

#endif  // PREDICTD_SERVER_CONFIG_FLAG_GROUPS_H_
