#include "client/flag_check.h"

#include <string>

#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace predictd::client {
namespace {

// Abseil's own switches that are no flags.
bool IsHelpSwitch(absl::string_view name) {
  return absl::StartsWith(name, "help") || name == "only_check_args";
}

// Abseil acts as soon as these are set, and twice would be once too often.
bool ActsWhenSet(absl::string_view name) {
  return name == "flagfile" || name == "fromenv" || name == "tryfromenv" || name == "undefok";
}

absl::Status CheckValue(absl::CommandLineFlag& flag, absl::string_view value) {
  std::string error;
  if (ActsWhenSet(flag.Name())) return absl::OkStatus();
  if (flag.ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.Name(), " cannot be '", value, "': ", flag.Help()));
}

}  // namespace

absl::Status CheckFlags(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (word == "--") break;
    // A lone dash is an argument: stdin.
    if (!absl::ConsumePrefix(&word, "-") || word.empty()) continue;
    absl::ConsumePrefix(&word, "-");
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr) {
      absl::string_view negated = name;
      const bool is_negated = absl::ConsumePrefix(&negated, "no") &&
                              absl::FindCommandLineFlag(negated) != nullptr &&
                              absl::FindCommandLineFlag(negated)->IsOfType<bool>();
      if (is_negated || IsHelpSwitch(name)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("there is no flag --", name, "; 'predict --help' lists the flags"));
    }
    if (equals != absl::string_view::npos) {
      const absl::Status status = CheckValue(*flag, word.substr(equals + 1));
      if (!status.ok()) return status;
    } else if (!flag->IsOfType<bool>()) {
      if (++i == argc) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", name, " needs a value: ", flag->Help()));
      }
      const absl::Status status = CheckValue(*flag, argv[i]);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace predictd::client
