#include "server/base/flag_check.h"

#include <string>

#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "server/base/status.h"

namespace predictd {
namespace {

// Abseil's own switches that are no flags.
bool IsSwitch(absl::string_view name) {
  return absl::StartsWith(name, "help") || name == "version" || name == "only_check_args";
}

bool IsNegatedSwitch(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "no")) return false;
  const absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
  return flag != nullptr && flag->IsOfType<bool>();
}

// Abseil acts as soon as these are set, and twice would be once too often.
bool ActsWhenSet(absl::string_view name) {
  return name == "flagfile" || name == "fromenv" || name == "tryfromenv" || name == "undefok";
}

// What to write instead of a value that does not fit.
std::string Remedy(const absl::CommandLineFlag& flag, absl::string_view value) {
  if (flag.IsOfType<absl::Duration>()) {
    double number = 0;
    if (!absl::SimpleAtod(value, &number)) return "a time is written like 500ms, 5s or 1h";
    return absl::StrCat("a time needs a unit, such as ", value, "s or ", value, "ms");
  }
  if (flag.IsOfType<bool>()) return "write true or false";
  if (flag.IsOfType<double>()) return "write a number";
  if (flag.IsOfType<int>()) return "write a whole number up to 2147483647";
  return "write a whole number";
}

absl::Status CheckValue(absl::CommandLineFlag& flag, absl::string_view value) {
  std::string error;
  if (ActsWhenSet(flag.Name()) || flag.ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", flag.Name(), "=", value, ": ",
                                                 Remedy(flag, value), " (", flag.Help(), ")"));
}

}  // namespace

absl::StatusOr<absl::flat_hash_set<std::string>> CheckFlags(int argc, const char* const* argv) {
  absl::flat_hash_set<std::string> given;
  const absl::string_view path = argv[0];
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (word == "--") break;
    // A lone dash is an argument: stdin.
    if (!absl::ConsumePrefix(&word, "-") || word.empty()) continue;
    absl::ConsumePrefix(&word, "-");
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr) {
      if (IsNegatedSwitch(name) || IsSwitch(name)) continue;
      return absl::InvalidArgumentError(absl::StrCat("there is no flag --", name, "; '",
                                                     path.substr(path.rfind('/') + 1),
                                                     " --help' lists the flags"));
    }
    given.emplace(name);
    if (equals != absl::string_view::npos) {
      PREDICTD_RETURN_IF_ERROR(CheckValue(*flag, word.substr(equals + 1)));
    } else if (!flag->IsOfType<bool>()) {
      if (++i == argc) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", name, " needs a value: ", flag->Help()));
      }
      PREDICTD_RETURN_IF_ERROR(CheckValue(*flag, argv[i]));
    }
  }
  return given;
}

}  // namespace predictd
